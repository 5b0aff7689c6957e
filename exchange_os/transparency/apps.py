"""Django application of exchange_os.transparency."""

from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    """Published journals, state roots and liabilities."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.transparency"
    label = "transparency"
    verbose_name = "Transparency"
