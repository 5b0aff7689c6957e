"""Keys at rest: nothing that opens the door can be read from the database, and a key ends when it should."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from exchange_os.errors import DomainError
from trading.models import ApiKey, TradingAccount
from trading.sealing import decrypt_secret, key_digest, passphrase_digest
from trading.selectors.credentials import credential_of
from trading.services.keys import (
    MAX_GRACE,
    MAX_KEYS_PER_ACCOUNT,
    create_api_key,
    edit_api_key,
    note_key_use,
    revoke_api_key,
    rotate_api_key,
)
from trading.services.mandates import KeyLimits
from venues.models import Deployer, Venue

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> TradingAccount:
    """A trader's account, open at a venue."""
    users = get_user_model().objects
    deployer = Deployer.objects.create(user=users.create_user("deployer"), name="Deployer")
    venue = Venue.objects.create(slug="acme", name="Acme", deployer=deployer, group_id=4711)
    return TradingAccount.objects.create(
        user=users.create_user("trader"), venue=venue, number=16, opened_at=timezone.now()
    )


def test_the_database_holds_no_secret_in_the_clear(account: TradingAccount) -> None:
    made = create_api_key(account, ["read", "trade"], label="bot")
    row = ApiKey.objects.values().get()
    stored = repr(
        {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
    )

    for secret in (made.key, made.secret, made.passphrase):
        assert secret not in stored
    assert decrypt_secret(bytes(row["secret_encrypted"])) == made.secret.encode()
    assert bytes(row["passphrase_digest"]) == passphrase_digest(made.key, made.passphrase)
    assert row["permissions"] == ["read_only", "trade"]


def test_a_key_is_found_until_it_is_revoked(account: TradingAccount) -> None:
    made = create_api_key(account, ["read"])
    found = credential_of(key_digest(made.key))
    assert found is not None
    assert (found.account, found.secret, found.permissions) == (16, made.secret.encode(), {"read_only"})

    revoke_api_key(account, made.record.pk)
    assert credential_of(key_digest(made.key)) is None


def test_a_key_of_somebody_else_cannot_be_revoked(account: TradingAccount) -> None:
    made = create_api_key(account, ["read"])
    other = TradingAccount.objects.create(
        user=get_user_model().objects.create_user("other"), venue=account.venue, number=17
    )
    with pytest.raises(DomainError) as refused:
        revoke_api_key(other, made.record.pk)
    assert refused.value.code == "key_unknown"
    assert credential_of(key_digest(made.key)) is not None


def test_a_key_of_a_barred_user_opens_nothing(account: TradingAccount) -> None:
    made = create_api_key(account, ["read"])
    account.user.is_active = False
    account.user.save()
    assert credential_of(key_digest(made.key)) is None


def test_addresses_are_networks(account: TradingAccount) -> None:
    made = create_api_key(account, ["read"], allowed_ips=["203.0.113.7", "2001:db8::/32"])
    found = credential_of(key_digest(made.key))
    assert found is not None
    assert found.allows_address("203.0.113.7")
    assert found.allows_address("2001:db8::5")
    assert not found.allows_address("203.0.113.8")
    assert not found.allows_address("unknown")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"permissions": ["rule"]}, "permission_unknown"),
        ({"permissions": ["read"], "allowed_ips": ["home"]}, "address_invalid"),
        ({"permissions": ["read"], "allowed_ips": ["10.0.0.1"] * 21}, "too_many_addresses"),
    ],
)
def test_wrong_wishes_are_refused_and_make_no_key(account: TradingAccount, options: dict, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        create_api_key(account, **options)
    assert refused.value.code == code
    assert ApiKey.objects.count() == 0


def test_keys_are_bounded_and_revoked_ones_do_not_count(account: TradingAccount) -> None:
    made = [create_api_key(account, ["read"]) for _ in range(MAX_KEYS_PER_ACCOUNT)]
    with pytest.raises(DomainError) as refused:
        create_api_key(account, ["read"])
    assert refused.value.code == "too_many_keys"
    revoke_api_key(account, made[0].record.pk)
    create_api_key(account, ["read"])


def test_use_is_noted_but_not_at_every_request(account: TradingAccount) -> None:
    made = create_api_key(account, ["read"])
    note_key_use(made.record.pk)
    first = ApiKey.objects.get().last_used_at
    note_key_use(made.record.pk)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    note_key_use(made.record.pk)
    assert ApiKey.objects.get().last_used_at > first


def test_a_rotated_key_has_two_secrets_for_a_while(account: TradingAccount) -> None:
    old = create_api_key(account, ["read", "trade"], label="bot")
    new = rotate_api_key(account, old.record.pk, timedelta(hours=1))
    assert new.record.pk == old.record.pk
    for made in (old, new):
        found = credential_of(key_digest(made.key))
        assert found is not None
        assert (found.key_id, found.secret) == (old.record.pk, made.secret.encode())
        assert found.passphrase_digest == passphrase_digest(made.key, made.passphrase)
        assert found.permissions == {"read_only", "trade"}
    ApiKey.objects.update(previous_until=timezone.now())
    assert credential_of(key_digest(old.key)) is None
    last = rotate_api_key(account, old.record.pk, timedelta(0))
    assert credential_of(key_digest(new.key)) is None
    assert credential_of(key_digest(last.key)) is not None
    assert ApiKey.objects.get().key_hint == last.key[:8]


def test_a_grace_is_bounded_and_a_revoked_key_takes_neither_edit_nor_rotation(
    account: TradingAccount,
) -> None:
    made = create_api_key(account, ["read"])
    with pytest.raises(DomainError) as refused:
        rotate_api_key(account, made.record.pk, MAX_GRACE + timedelta(seconds=1))
    assert refused.value.code == "grace_invalid"
    revoke_api_key(account, made.record.pk)
    before = ApiKey.objects.values().get()
    with pytest.raises(DomainError, match="was revoked"):
        rotate_api_key(account, made.record.pk, timedelta(0))
    with pytest.raises(DomainError, match="was revoked"):
        edit_api_key(
            account, made.record.pk, ["trade"], label="", allowed_ips=[], expires_at=None, limits=KeyLimits()
        )
    assert ApiKey.objects.values().get() == before


def test_an_edit_changes_what_a_key_may_do_and_not_its_secret(account: TradingAccount) -> None:
    made = create_api_key(account, ["read", "trade"], label="bot")
    until = timezone.now() + timedelta(days=3)
    edit_api_key(
        account,
        made.record.pk,
        ["withdraw"],
        label="payer",
        allowed_ips=["203.0.113.7"],
        expires_at=until,
        limits=KeyLimits(rate=5),
    )
    found = credential_of(key_digest(made.key))
    assert found is not None
    assert (found.secret, found.permissions) == (made.secret.encode(), {"read_only", "withdraw"})
    assert (found.allows_address("203.0.113.7"), found.allows_address("203.0.113.8")) == (True, False)
    row = ApiKey.objects.get()
    assert (row.label, row.expires_at, row.mandate) == ("payer", until, {"markets": [], "rate": 5})
    assert (row.mandated_at, row.revision) == (None, 2)
    with pytest.raises(DomainError) as refused:
        edit_api_key(account, row.pk, ["fly"], label="", allowed_ips=[], expires_at=None, limits=KeyLimits())
    assert refused.value.code == "permission_unknown"
    assert ApiKey.objects.get().permissions == ["read_only", "withdraw"]
