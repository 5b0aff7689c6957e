"""Django application of exchange_os.ledger."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The ledger: double entry for everything outside a risk group."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.ledger"
    label = "ledger"
    verbose_name = "Ledger"
