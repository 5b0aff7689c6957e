"""App configuration, so that Django finds the management commands."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo app has commands and no tables."""

    name = "exchange_os.demo"
    label = "demo"
