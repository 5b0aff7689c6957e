"""Keys of the public trading API: made, looked up, taken away."""

import ipaddress
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from exchange_os.errors import DomainError
from trading.models import ApiKey, Permission, TradingAccount
from trading.sealing import encrypt_secret, key_digest, passphrase_digest
from trading.selectors.credentials import forget_credential
from trading.services.mandates import KeyLimits, mandate_of, send_mandate

MAX_KEYS_PER_ACCOUNT = 50
MAX_ADDRESSES = 20
NO_LIMITS = KeyLimits()


@dataclass(frozen=True)
class NewKey:
    """A key just made: the only moment at which its secret and passphrase can be read."""

    record: ApiKey
    key: str
    secret: str
    passphrase: str


def _checked_permissions(permissions: Sequence[str]) -> list[str]:
    wanted = {Permission.READ.value}
    for permission in permissions:
        name = Permission.READ.value if permission == "read" else permission
        if name not in Permission.values:
            raise DomainError(
                "permission_unknown",
                f"'{permission}' is not a permission. Choose from read, trade and withdraw.",
                field="permissions",
            )
        wanted.add(name)
    return [name for name in Permission.values if name in wanted]


def _checked_addresses(addresses: Sequence[str]) -> list[str]:
    if len(addresses) > MAX_ADDRESSES:
        raise DomainError(
            "too_many_addresses", f"A key takes at most {MAX_ADDRESSES} addresses.", field="allowed_ips"
        )
    networks = []
    for address in addresses:
        try:
            networks.append(str(ipaddress.ip_network(address.strip(), strict=False)))
        except ValueError:
            raise DomainError(
                "address_invalid",
                f"'{address}' is not an IP address or network, such as 203.0.113.7 or 203.0.113.0/24.",
                field="allowed_ips",
            ) from None
    return networks


def create_api_key(
    account: TradingAccount,
    permissions: Sequence[str],
    *,
    label: str = "",
    allowed_ips: Sequence[str] = (),
    expires_at: datetime | None = None,
    limits: KeyLimits = NO_LIMITS,
) -> NewKey:
    """Make a key for ``account``; its mandate is in the venue's stream before anyone can use the key.

    Errors: ``permission_unknown``, ``address_invalid``, ``too_many_addresses``, ``too_many_keys``, those of
    ``mandate_of``, and ``venue_busy`` if the venue takes nothing at present.
    """
    mandate = mandate_of(account.venue, limits) if limits != NO_LIMITS else {}
    granted = _checked_permissions(permissions)
    networks = _checked_addresses(allowed_ips)
    if account.api_keys.filter(revoked_at=None).count() >= MAX_KEYS_PER_ACCOUNT:
        raise DomainError(
            "too_many_keys", f"An account holds at most {MAX_KEYS_PER_ACCOUNT} keys; revoke one first."
        )
    key, secret, passphrase = str(uuid.uuid4()), secrets.token_hex(32), secrets.token_urlsafe(18)
    record = ApiKey.objects.create(
        account=account,
        label=label[:40],
        key_hint=key[:8],
        key_sha256=key_digest(key),
        secret_encrypted=encrypt_secret(secret.encode()),
        passphrase_digest=passphrase_digest(key, passphrase),
        permissions=granted,
        allowed_ips=networks,
        expires_at=expires_at,
        mandate=mandate,
    )
    if not send_mandate(record):
        record.delete()
        raise DomainError("venue_busy", "The venue is busy and cannot take a new key; try again in a moment.")
    return NewKey(record, key, secret, passphrase)


def revoke_api_key(account: TradingAccount, key_id: int) -> None:
    """Take a key of ``account`` away for good. Errors: ``key_unknown``."""
    record = account.api_keys.filter(pk=key_id).first()
    if record is None:
        raise DomainError("key_unknown", "This account has no such key.")
    if record.revoked_at is None:
        record.revoked_at, record.mandated_at = timezone.now(), None
        record.save(update_fields=["revoked_at", "mandated_at"])
        send_mandate(record)
    forget_credential(record.key_sha256)


def note_key_use(key_id: int) -> None:
    """Remember that a key was used; callers do so at most once a minute per key."""
    now = timezone.now()
    ApiKey.objects.filter(pk=key_id).exclude(last_used_at__gt=now - timedelta(seconds=30)).update(
        last_used_at=now
    )
