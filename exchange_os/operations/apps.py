"""Django application of exchange_os.operations."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What whoever runs the exchange sees and may stop."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.operations"
    label = "operations"
    verbose_name = "Operations"
