"""What identity remembers: the Ethereum addresses that sign a user in."""

from django.conf import settings
from django.db import models


class EthereumWallet(models.Model):
    """An address whose key signs its user in. ``address`` is in the mixed case of EIP-55 and belongs to one user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ethereum_wallets"
    )
    address = models.CharField(max_length=42, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.address
