"""Django application of exchange_os.oracles."""

from django.apps import AppConfig


class OraclesConfig(AppConfig):
    """Price sources of risk groups: fetched, stored, sent to the kernel, graded there and watched here."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.oracles"
    label = "oracles"
    verbose_name = "Price oracles"
