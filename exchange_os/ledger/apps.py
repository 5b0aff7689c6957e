"""Django application of exchange_os.ledger."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from exchange_os.ledger.seeds import seed_assets


class LedgerConfig(AppConfig):
    """The ledger: double entry for everything outside a risk group."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.ledger"
    label = "ledger"
    verbose_name = "Ledger"

    def ready(self) -> None:
        """List the platform's own assets after every migration."""
        post_migrate.connect(seed_assets, sender=self)
