"""Django application of the protocol's parameters."""

from django.apps import AppConfig


class ParametersConfig(AppConfig):
    """What a decision has changed of the protocol, and the history of it."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.parameters"
    label = "parameters"
    verbose_name = "Protocol parameters"
