"""Whose account it is: the session that set it up, or the mailbox of an address that nobody had confirmed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from exchange_os.identity.models import EthereumWallet
from exchange_os.identity.ownership import take_over
from trading.models import ApiKey, TradingAccount
from trading.services.keys import create_api_key
from venues.models import DeployerToken, Market, Role
from venues.services.tokens import create_token, token_of

PASSWORD, NEW = "a long enough password", "another long password"
OWNER = "owner@example.com"
LINK = re.compile(r"http://testserver(/accounts/\S+)")


@pytest.fixture(autouse=True)
def no_limits() -> Iterator[None]:
    """Limits of requests are counted in the cache: what these tests use up is forgotten."""
    cache.clear()
    yield
    cache.clear()


def begun(client: Client, email: str = OWNER) -> User:
    """Who signed up with the address, in this session."""
    client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})
    return get_user_model().objects.get(email=email)


def equipped(user: User) -> None:
    """An app, recovery codes, a passkey and a wallet are set up in the account."""
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "Laptop", "credential": {}})
    EthereumWallet.objects.create(user=user, address="0x" + "ab" * 20)


def equipment(user: User) -> tuple[int, int]:
    """How many second factors and wallets the account has."""
    return Authenticator.objects.filter(user=user).count(), EthereumWallet.objects.filter(user=user).count()


def link() -> str:
    """The link in the newest letter."""
    found = LINK.search(str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def letter_to(address: EmailAddress) -> str:
    """The link in a letter to an address."""
    return f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"


def reset(client: Client, email: str = OWNER) -> Any:
    """Set a new password by the letter that comes to the address."""
    client.post("/accounts/password/reset/", {"email": email})
    page = client.get(link(), follow=True)
    return client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW}, follow=True)


def is_verified(email: str = OWNER) -> bool:
    return EmailAddress.objects.filter(email=email, verified=True).exists()


def test_who_confirms_in_the_session_of_the_account_keeps_everything(client: Client, db: None) -> None:
    user = begun(client)
    equipped(user)
    page = client.get(link())
    assert page.context["held"]
    client.post(link())
    assert is_verified()
    assert equipment(user) == (3, 1)
    reset(Client())
    assert equipment(user) == (3, 1)


def test_a_letter_opened_elsewhere_asks_to_sign_in_and_changes_nothing(client: Client, db: None) -> None:
    user, phone = begun(client), Client()
    EthereumWallet.objects.create(user=user, address="0x" + "ab" * 20)
    path = link()
    for answer in (phone.get(path), phone.post(path)):
        assert "Sign in to confirm" in answer.content.decode()
    assert not is_verified()
    entered = phone.post("/accounts/login/", {"login": OWNER, "password": PASSWORD, "next": path})
    assert entered["Location"] == path
    phone.post(path)
    assert is_verified()
    assert equipment(user) == (0, 1)


def test_a_sign_in_that_waits_for_the_letter_confirms_it(client: Client, db: None, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    begun(client)
    assert "_auth_user_id" not in client.session
    path = link()
    Client().post(path)
    assert not is_verified()
    client.post(path)
    assert is_verified()


def test_the_owner_of_the_mailbox_gets_the_account_alone(client: Client, market: Market) -> None:
    squatter = begun(client)
    equipped(squatter)
    EmailAddress.objects.create(user=squatter, email="squatter@example.com")
    account = TradingAccount.objects.create(
        user=squatter, venue=market.venue, number=16, opened_at=timezone.now()
    )
    create_api_key(account, ["withdraw"])
    market.venue.deployer.user = squatter
    market.venue.deployer.save()
    _, text = create_token(squatter, market.venue, "Bot", Role.OWNER)

    owner = Client()
    done = reset(owner)
    said = " ".join(str(message) for message in done.context["messages"])
    letter = mail.outbox[-1]
    for words in ("the authenticator app", "recovery codes", "the passkey “Laptop”", "the wallet 0xababab…",
                  "the API key ", "the token “Bot” at Acme Markets"):  # fmt: skip
        assert words in said
        assert words in letter.body
    assert letter.to == [OWNER]
    assert equipment(squatter) == (0, 0)
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert token_of(text) is None
    assert not DeployerToken.objects.filter(revoked=None).exists()
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(OWNER, True, True)]
    assert client.get("/account/security/")["Location"].startswith("/accounts/login/")
    assert owner.post("/accounts/login/", {"login": OWNER, "password": NEW})["Location"] == "/"
    squatter.refresh_from_db()
    equipped(squatter)
    assert take_over(squatter, held=False) == []
    assert equipment(squatter) == (3, 1)


def test_who_holds_both_sets_a_new_password_and_keeps_everything(client: Client, db: None) -> None:
    user = begun(client)
    equipped(user)
    reset(client)
    assert is_verified()
    assert equipment(user) == (3, 1)


def test_an_account_without_an_address_is_not_given_away_by_a_mistyped_one(client: Client, db: None) -> None:
    user = get_user_model().objects.create_user("wallet-abababab")
    equipped(user)
    client.force_login(user)
    typo = EmailAddress.objects.create(user=user, email="typo@example.com")
    client.post("/accounts/email/", {"email": typo.email, "action_primary": ""})
    user.refresh_from_db()
    assert user.email == ""
    Client().post("/accounts/password/reset/", {"email": typo.email})
    assert "/accounts/password/reset/key/" not in mail.outbox[-1].body
    Client().post(letter_to(typo))
    assert not is_verified(typo.email)
    mine = EmailAddress.objects.create(user=user, email=OWNER)
    client.post(letter_to(mine))
    user.refresh_from_db()
    assert (user.email, equipment(user)) == (OWNER, (3, 1))
    assert list(user.emailaddress_set.values_list("email", flat=True)) == [OWNER]


def test_staff_keep_their_second_factor(db: None) -> None:
    staff = get_user_model().objects.create_superuser("operator", OWNER, PASSWORD)
    equipped(staff)
    assert take_over(staff, held=False) == []
    assert equipment(staff) == (3, 1)
    assert not is_verified()


@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_an_address_that_another_merely_claims_is_free_for_its_owner(
    client: Client, db: None, settings: Any, verification: str
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    claimer = get_user_model().objects.create_user("claimer", "claimer@example.com", PASSWORD)
    EmailAddress.objects.create(user=claimer, email="claimer@example.com", verified=True, primary=True)
    claim = EmailAddress.objects.create(user=claimer, email=OWNER)
    owner = begun(client)
    assert owner != claimer
    client.post(link())
    assert EmailAddress.objects.get(email=OWNER, verified=True).user_id == owner.pk
    late = Client()
    late.force_login(claimer)
    late.post(letter_to(claim))
    claim.refresh_from_db()
    assert not claim.verified
    # What is verified is taken, as is what somebody began with.
    again = Client()
    again.post("/accounts/signup/", {"email": OWNER.upper(), "password1": PASSWORD})
    again.post("/accounts/signup/", {"email": "claimer@example.com", "password1": PASSWORD})
    assert get_user_model().objects.count() == 2
