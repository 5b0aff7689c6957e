"""The project package as an app: start-up checks and the commands that concern the whole."""

from django.apps import AppConfig

from exchange_os import checks


class ExchangeOSConfig(AppConfig):
    """Registers the start-up checks."""

    name = "exchange_os"
    label = "exchange_os"

    def ready(self) -> None:
        """Called once when Django is set up."""
        checks.register_all()
