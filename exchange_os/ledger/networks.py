"""Where withdrawals go: for now a test network, behind an interface that a chain adapter can replace."""

import re
import secrets
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, TestNetworkSend

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
NOWHERE = "0x" + "0" * 40


class SendRefused(Exception):
    """The network refused a send for good: nothing has left and nothing will under this key."""


class Network(Protocol):
    """Carries money out of the ledger. A ``key`` names one send; anything but an answer means that it may have left."""

    def check_address(self, asset: Asset, address: str) -> str:
        """The address in canonical form. Raises ``DomainError("address_invalid")``."""

    def send(self, key: UUID, asset: Asset, address: str, amount: int) -> str:
        """Send ``amount`` units, once; the transaction's id. Raises ``SendRefused``."""

    def find_or_forbid(self, key: UUID) -> str | None:
        """The id of what was sent under ``key``, or ``None`` once it is certain that nothing was and nothing will be.
        Raises anything while neither is known."""

    def is_final(self, txid: str) -> bool:
        """Whether a transaction can no longer be undone."""


class TestNetwork:
    """Keeps in the database what was sent to it, and calls it final after ``confirm_seconds``."""

    __test__ = False

    def __init__(self, confirm_seconds: float = 6.0) -> None:
        self.confirm = timedelta(seconds=confirm_seconds)

    def check_address(self, asset: Asset, address: str) -> str:
        """Addresses are ``0x`` and forty hexadecimal digits."""
        found = address.strip()
        if not ADDRESS.fullmatch(found) or found.lower() == NOWHERE:
            raise DomainError(
                "address_invalid",
                "An address is 0x and forty hexadecimal digits, and not all zeros; paste it whole.",
                field="address",
            )
        return found.lower()

    def send(self, key: UUID, asset: Asset, address: str, amount: int) -> str:
        """Write it down; a key that was used or forbidden answers as it did before."""
        row, _ = TestNetworkSend.objects.get_or_create(
            key=key, defaults={"txid": f"0x{secrets.token_hex(32)}"}
        )
        if not row.txid:
            raise SendRefused
        return row.txid

    def find_or_forbid(self, key: UUID) -> str | None:
        """Look it up; a key that is not known is forbidden from now on."""
        row, _ = TestNetworkSend.objects.get_or_create(key=key)
        return row.txid or None

    def is_final(self, txid: str) -> bool:
        """After a few seconds."""
        return TestNetworkSend.objects.filter(txid=txid, created__lte=timezone.now() - self.confirm).exists()


NETWORK: Network = TestNetwork()
