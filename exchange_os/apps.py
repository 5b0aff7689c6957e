"""The project package as an app: start-up checks and the commands that concern the whole."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from exchange_os import checks, deploy_checks


class ExchangeOSConfig(AppConfig):
    """Registers the start-up checks."""

    name = "exchange_os"
    label = "exchange_os"

    def ready(self) -> None:
        """Called once when Django is set up."""
        checks.register_all()
        deploy_checks.register_all()


class OperatorConfig(AdminConfig):
    """The admin site at ``/operator/``, behind a second factor."""

    default_site = "exchange_os.operator.OperatorSite"
