"""Identity as an app."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Wallets as credentials."""

    name = "exchange_os.identity"
    label = "identity"
    verbose_name = "Identity"
