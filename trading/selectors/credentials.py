"""Who a key is, answered from memory.

A signed order must not wait for the database, so each process remembers a key for ``TTL_SECONDS``. A revoked
key therefore stops at once in the process that revoked it and within that time everywhere else.
"""

import ipaddress
import time
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from trading.models import ApiKey, TradingAccount
from trading.sealing import decrypt_secret, key_digest
from trading.threads import in_database_thread

TTL_SECONDS = 2.0
UNKNOWN_TTL_SECONDS = 1.0
MAX_REMEMBERED = 50_000


@dataclass(frozen=True)
class Credential:
    """A key as the doors need it. ``account`` is the account number in the kernel; ``networks`` empty means
    any."""

    key_id: int
    user_id: int
    venue_id: int
    account: int
    opened: bool
    secret: bytes
    passphrase_digest: bytes
    permissions: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    expires_at: datetime | None

    def allows_address(self, address: str) -> bool:
        """Whether the key may be used from ``address``."""
        if not self.networks:
            return True
        try:
            caller = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(caller in network for network in self.networks if network.version == caller.version)


_remembered: dict[str, tuple[float, Credential | None]] = {}


def forget_credential(sha256: str) -> None:
    """Drop what this process remembers of a key."""
    _remembered.pop(sha256, None)


def credential_of(sha256: str) -> Credential | None:
    """The live key with this digest, read from the database; ``None`` if there is none or it was revoked. What a key
    was before its rotation finds it too, while that is valid."""
    rotated = Q(previous_sha256=sha256, previous_until__gt=timezone.now())
    record = (
        ApiKey.objects.select_related("account")
        .filter(Q(key_sha256=sha256) | rotated, revoked_at=None, account__user__is_active=True)
        .first()
    )
    if record is None:
        return None
    account: TradingAccount = record.account
    newest = record.key_sha256 == sha256
    return Credential(
        key_id=record.pk,
        user_id=account.user_id,
        venue_id=account.venue_id,
        account=account.number,
        opened=account.opened_at is not None,
        secret=decrypt_secret(bytes(record.secret_encrypted if newest else record.previous_secret)),
        passphrase_digest=bytes(record.passphrase_digest if newest else record.previous_passphrase_digest),
        permissions=frozenset(record.permissions),
        networks=tuple(ipaddress.ip_network(network) for network in record.allowed_ips),
        expires_at=record.expires_at,
    )


async def find_credential(key: str) -> Credential | None:
    """The live key ``key``, remembered for a moment; ``None`` if there is none."""
    sha256 = key_digest(key)
    now = time.monotonic()
    known = _remembered.get(sha256)
    if known is not None and known[0] > now:
        return known[1]
    found = await in_database_thread(credential_of, sha256)
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    _remembered[sha256] = (now + (TTL_SECONDS if found else UNKNOWN_TTL_SECONDS), found)
    return found
