"""Keys of the public trading API: made, looked up, taken away."""

import ipaddress
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from trading.models import ApiKey, Permission, TradingAccount
from trading.sealing import encrypt_secret, key_digest, passphrase_digest
from trading.selectors.credentials import forget_credential
from trading.services.mandates import KeyLimits, mandate_of, send_mandate

MAX_KEYS_PER_ACCOUNT = 50
MAX_ADDRESSES = 20
MAX_GRACE = timedelta(days=30)
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
    key, secret, passphrase = _new_material()
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


def edit_api_key(
    account: TradingAccount,
    key_id: int,
    permissions: Sequence[str],
    *,
    label: str,
    allowed_ips: Sequence[str],
    expires_at: datetime | None,
    limits: KeyLimits,
) -> ApiKey:
    """Give a living key other rights, addresses, bounds or another end; its secret stays.

    The doors go by it within two seconds; the kernel is told at once, or by the sweeper if the venue is busy.
    Errors: ``key_unknown`` and those of ``create_api_key`` about what was typed.
    """
    mandate = mandate_of(account.venue, limits) if limits != NO_LIMITS else {}
    granted, networks = _checked_permissions(permissions), _checked_addresses(allowed_ips)
    with transaction.atomic():
        record = _living_key(account, key_id)
        record.label, record.permissions, record.allowed_ips = label[:40], granted, networks
        record.expires_at, record.mandate, record.mandated_at = expires_at, mandate, None
        record.revision += 1
        record.save()
    send_mandate(record)
    for sha256 in filter(None, (record.key_sha256, record.previous_sha256)):
        forget_credential(sha256)
    return record


def rotate_api_key(account: TradingAccount, key_id: int, grace: timedelta) -> NewKey:
    """Give a living key a new key, secret and passphrase; the old ones work for ``grace`` longer, which may be zero.

    Its rights, bounds and orders stay. What was left of the grace of an earlier rotation ends.
    Errors: ``key_unknown``, ``grace_invalid``.
    """
    if not timedelta(0) <= grace <= MAX_GRACE:
        raise DomainError(
            "grace_invalid", f"The old key works for at most {MAX_GRACE.days} days longer.", field="grace"
        )
    key, secret, passphrase = _new_material()
    with transaction.atomic():
        record = _living_key(account, key_id)
        ended = [record.key_sha256, *filter(None, [record.previous_sha256])]
        record.previous_sha256 = record.key_sha256 if grace else None
        record.previous_secret = record.secret_encrypted if grace else b""
        record.previous_passphrase_digest = record.passphrase_digest if grace else b""
        record.previous_until = timezone.now() + grace if grace else None
        record.key_hint, record.key_sha256 = key[:8], key_digest(key)
        record.secret_encrypted = encrypt_secret(secret.encode())
        record.passphrase_digest = passphrase_digest(key, passphrase)
        record.save()
    for sha256 in ended:
        forget_credential(sha256)
    return NewKey(record, key, secret, passphrase)


def _new_material() -> tuple[str, str, str]:
    """A key, its secret and its passphrase."""
    return str(uuid.uuid4()), secrets.token_hex(32), secrets.token_urlsafe(18)


def _living_key(account: TradingAccount, key_id: int) -> ApiKey:
    """The key of the account, locked. Errors: ``key_unknown``."""
    record = ApiKey.objects.select_for_update().filter(pk=key_id, account=account, revoked_at=None).first()
    if record is None:
        raise DomainError("key_unknown", "This account has no such key, or it was revoked.")
    record.account = account
    return record


def revoke_api_key(account: TradingAccount, key_id: int) -> None:
    """Take a key of ``account`` away for good. Errors: ``key_unknown``."""
    record = account.api_keys.filter(pk=key_id).first()
    if record is None:
        raise DomainError("key_unknown", "This account has no such key.")
    if record.revoked_at is None:
        record.revoked_at, record.mandated_at = timezone.now(), None
        record.save(update_fields=["revoked_at", "mandated_at"])
        send_mandate(record)
    for sha256 in filter(None, (record.key_sha256, record.previous_sha256)):
        forget_credential(sha256)


def end_keys_of(user: AbstractBaseUser) -> list[str]:
    """Take every key of the user away, at all venues; what they were, in words."""
    living = ApiKey.objects.filter(account__user_id=user.pk, revoked_at=None).select_related("account__venue")
    ended = []
    for key in living.order_by("pk"):
        revoke_api_key(key.account, key.pk)
        ended.append(f"the API key {key.key_hint}…")
    return ended


def note_key_use(key_id: int) -> None:
    """Remember that a key was used; callers do so at most once a minute per key."""
    now = timezone.now()
    ApiKey.objects.filter(pk=key_id).exclude(last_used_at__gt=now - timedelta(seconds=30)).update(
        last_used_at=now
    )
