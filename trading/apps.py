"""Django application of trading."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """The trader's side: accounts, orders, history, live feeds and the public API."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "trading"
    label = "trading"
    verbose_name = "Trading"
