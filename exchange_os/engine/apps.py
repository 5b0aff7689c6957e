"""Django application of exchange_os.engine."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    """The engine: the runtime around one kernel per risk group."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.engine"
    label = "engine"
    verbose_name = "Engine"
