"""Sign-In with Ethereum: a key made here signs; what is replayed, stale, foreign or a contract's is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone
from eth_keys import keys

from exchange_os.errors import DomainError
from exchange_os.identity import services
from exchange_os.identity.models import EthereumWallet
from exchange_os.identity.siwe import SMART_CONTRACT, Expected, new_message, parse_message, verified_address
from tests.pages.ethereum import Wallet

PASSWORD = "a long enough password"
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
EXPECTED = Expected(
    "exchange.example", "https://exchange.example/accounts/wallet/sign-in/", 1, "0123456789abcdef"
)
SIGN_IN, LINK, CONFIRM = (
    "/accounts/wallet/sign-in/",
    "/accounts/wallet/link/",
    "/accounts/wallet/reauthenticate/",
)


def asked(client: Client, wallet: Wallet, purpose: str = "sign_in", chain: int = 1) -> str:
    typed = {"purpose": purpose, "address": wallet.address.lower(), "chain_id": chain}
    return client.post("/accounts/wallet/challenge/", typed).json()["message"]


def hand_in(client: Client, path: str, text: str, signature: str, **more: str) -> Any:
    return client.post(path, {"message": text.replace("\n", "\r\n"), "signature": signature, **more})


def sign_in(client: Client, wallet: Wallet, **more: str) -> Any:
    text = asked(client, wallet)
    return hand_in(client, SIGN_IN, text, wallet.sign(text), **more)


def refusal(answer: Any) -> str:
    assert answer.status_code == 422
    return answer.context["form"].non_field_errors()[0]


@pytest.fixture(scope="module")
def wallet() -> Any:
    return Wallet()


@pytest.fixture(autouse=True)
def no_limits() -> Iterator[None]:
    """Limits of requests are counted in the cache: what these tests use up is forgotten."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def someone(db: None) -> User:
    return get_user_model().objects.create_user("someone", "someone@example.com", PASSWORD)


def test_the_message_is_the_template_of_the_standard(wallet: Wallet) -> None:
    message = new_message(EXPECTED, wallet.address.lower(), "Sign in.", NOW)
    assert message.text() == (
        "exchange.example wants you to sign in with your Ethereum account:\n"
        f"{wallet.address}\n\nSign in.\n\n"
        "URI: https://exchange.example/accounts/wallet/sign-in/\nVersion: 1\nChain ID: 1\nNonce: 0123456789abcdef\n"
        "Issued At: 2026-11-30T12:00:00Z\nExpiration Time: 2026-11-30T12:05:00Z"
    )
    assert parse_message(message.text()) == message
    assert verified_address(message.text(), wallet.sign(message.text()), EXPECTED, NOW) == wallet.address


@pytest.mark.parametrize(
    ("expected", "after", "code"),
    [
        (Expected("evil.example", EXPECTED.uri, 1, EXPECTED.nonce), 0, "wallet_domain_wrong"),
        (Expected(EXPECTED.domain, "https://exchange.example/link/", 1, EXPECTED.nonce), 0, "wallet_domain_wrong"),
        (Expected(EXPECTED.domain, EXPECTED.uri, 10, EXPECTED.nonce), 0, "wallet_chain_wrong"),
        (Expected(EXPECTED.domain, EXPECTED.uri, 1, "fedcba9876543210"), 0, "wallet_nonce_wrong"),
        (EXPECTED, 300, "wallet_message_expired"),
        (EXPECTED, -31, "wallet_message_expired"),
    ],
)  # fmt: skip
def test_a_message_counts_where_and_when_it_was_asked_for(
    wallet: Wallet, expected: Expected, after: int, code: str
) -> None:
    text = new_message(EXPECTED, wallet.address, "Sign in.", NOW).text()
    with pytest.raises(DomainError) as refused:
        verified_address(text, wallet.sign(text), expected, NOW + timedelta(seconds=after))
    assert refused.value.code == code


def test_only_the_one_form_is_read(wallet: Wallet) -> None:
    text = new_message(EXPECTED, wallet.address, "Sign in.", NOW).text()
    for other in (
        text + "\n",
        text + "\nResources:\n- https://evil.example",
        text.replace("Version: 1", "Version: 2"),
        text.replace(wallet.address, wallet.address.lower()),
        text.replace("Chain ID: 1", "Chain ID: 01"),
        text.replace("2026-11-30T12:05:00Z", "2026-13-30T12:05:00Z"),
        text.replace("Issued At", "Not Before"),
        "https://" + text,
        "",
    ):
        with pytest.raises(DomainError) as refused:
            verified_address(other, wallet.sign(other), EXPECTED, NOW)
        assert refused.value.code == "wallet_message_malformed", other
    longer = text.replace("12:05:00Z", "13:00:00Z")
    with pytest.raises(DomainError, match="valid for too long"):
        verified_address(longer, wallet.sign(longer), EXPECTED, NOW)


def test_signatures_of_others_and_of_contracts_are_told_apart(wallet: Wallet) -> None:
    text = new_message(EXPECTED, wallet.address, "Sign in.", NOW).text()
    right = wallet.sign(text)
    for signature, code in (
        (Wallet().sign(text), "wallet_address_wrong"),
        (wallet.sign(text + " "), "wallet_address_wrong"),
        (right + "00" * 32, "wallet_is_contract"),
        ("0x", "wallet_signature_invalid"),
        ("0x" + "00" * 65, "wallet_signature_invalid"),
        (right[:-2] + "05", "wallet_signature_invalid"),
        ("signed, me", "wallet_signature_invalid"),
    ):
        with pytest.raises(DomainError) as refused:
            verified_address(text, signature, EXPECTED, NOW)
        assert refused.value.code == code, signature
    hardware = right[:-2] + f"{int(right[-2:], 16) - 27:02x}"
    assert verified_address(text, hardware, EXPECTED, NOW) == wallet.address


def test_a_signature_of_another_wallets_making_is_read() -> None:
    """Made by eth-account, as its documentation shows it."""
    signature = (
        "e6ca9bba58c88611fad66a6ce8f996908195593807c4b38bd528d2cff09d4eb3"
        "3e5bfbbf4d3e39b1a2fd816a7680c19ebebaf3a141b239934ad43cb33fcec8ce1c"
    )
    key = Wallet(
        keys.PrivateKey(bytes.fromhex("b25c7db31feed9122727bf0939dc769a96564b2de4c4726d035b36ecf1e5b364"))
    )
    assert key.address == "0x5ce9454909639D2D17A3F753ce7d93fa0b9aB12E"
    assert key.sign("I♥SF") == f"0x{signature}"


def test_a_new_wallet_gets_an_account_and_finds_it_again(client: Client, db: None, wallet: Wallet) -> None:
    answer = sign_in(client, wallet, next="/wallet/")
    assert (answer.status_code, answer["Location"]) == (302, "/wallet/")
    user = EthereumWallet.objects.get(address=wallet.address).user
    assert client.session["_auth_user_id"] == str(user.pk)
    assert (user.email, user.has_usable_password()) == ("", False)
    assert "one way in" in client.get("/account/security/").content.decode()
    other = Client()
    assert sign_in(other, wallet)["Location"] == "/"
    assert other.session["_auth_user_id"] == str(user.pk)
    assert get_user_model().objects.count() == 1
    assert sign_in(Client(), wallet, next="https://evil.example/")["Location"] == "/"


def test_a_message_signs_in_once_and_in_its_session_only(client: Client, db: None, wallet: Wallet) -> None:
    text = asked(client, wallet)
    signature = wallet.sign(text)
    assert "not asked for" in refusal(hand_in(Client(), SIGN_IN, text, signature))
    assert not EthereumWallet.objects.exists()
    assert hand_in(client, SIGN_IN, text, signature).status_code == 302
    client.logout()
    assert "used already" in refusal(hand_in(client, SIGN_IN, text, signature))
    first, _ = asked(client, wallet), asked(client, wallet)
    assert "not asked for now" in refusal(hand_in(client, SIGN_IN, first, wallet.sign(first)))
    link = asked(client, wallet, "link")
    assert "not asked for" in refusal(hand_in(client, SIGN_IN, link, wallet.sign(link)))
    assert "_auth_user_id" not in client.session


def test_a_refused_signature_says_why_and_signs_nobody_in(client: Client, db: None, wallet: Wallet) -> None:
    text = asked(client, wallet)
    assert "Another account" in refusal(hand_in(client, SIGN_IN, text, Wallet().sign(text)))
    text = asked(client, wallet)
    assert refusal(hand_in(client, SIGN_IN, text, "0x" + "ab" * 200)) == SMART_CONTRACT
    text = asked(client, wallet)
    foreign = text.replace("testserver", "evil.example")
    assert "not for this page" in refusal(hand_in(client, SIGN_IN, foreign, wallet.sign(foreign)))
    assert refusal(client.post(SIGN_IN)) == "Your wallet gave no signature. Start again."
    assert "_auth_user_id" not in client.session
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"address": "0x12", "chain_id": "1", "purpose": "sign_in"}, "not an Ethereum address"),
        ({"address": "0x" + "aB" * 20, "chain_id": "1", "purpose": "sign_in"}, "not an Ethereum address"),
        ({"address": "0x" + "ab" * 20, "chain_id": "0", "purpose": "sign_in"}, "without a valid number"),
        ({"address": "0x" + "ab" * 20, "chain_id": "NaN", "purpose": "sign_in"}, "asked wrongly"),
        ({"address": "0x" + "ab" * 20, "chain_id": "1", "purpose": "steal"}, "asked wrongly"),
    ],
)
def test_a_challenge_is_not_made_of_nonsense(
    client: Client, db: None, typed: dict[str, str], sentence: str
) -> None:
    answer = client.post("/accounts/wallet/challenge/", typed)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert services.CHALLENGE not in client.session


def test_a_wallet_is_linked_and_unlinked_after_a_fresh_proof(
    client: Client, someone: User, wallet: Wallet
) -> None:
    client.force_login(someone)
    assert client.get(LINK)["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    text = asked(client, wallet, "link")
    assert hand_in(client, LINK, text, wallet.sign(text))["Location"] == "/account/security/"
    linked = EthereumWallet.objects.get(user=someone)
    assert linked.address == wallet.address
    assert wallet.address in client.get("/account/security/").content.decode()
    thief = Client()
    thief.force_login(get_user_model().objects.create_user("thief", "thief@example.com", PASSWORD))
    thief.post("/accounts/reauthenticate/", {"password": PASSWORD})
    text = asked(thief, wallet, "link")
    assert "an account of its own" in refusal(hand_in(thief, LINK, text, wallet.sign(text)))
    thief.post(f"/accounts/wallet/{linked.pk}/unlink/")
    assert EthereumWallet.objects.get().user == someone
    stale = Client()
    stale.force_login(someone)
    assert "reauthenticate" in stale.post(f"/accounts/wallet/{linked.pk}/unlink/")["Location"]
    assert EthereumWallet.objects.exists()
    client.post(f"/accounts/wallet/{linked.pk}/unlink/")
    assert not EthereumWallet.objects.exists()


def test_a_wallet_alone_is_asked_to_confirm_and_is_never_the_last_to_go(
    client: Client, db: None, wallet: Wallet
) -> None:
    sign_in(client, wallet)
    held = EthereumWallet.objects.get()
    unlink = f"/accounts/wallet/{held.pk}/unlink/"
    for path in (unlink, "/accounts/2fa/totp/activate/", "/accounts/email/"):
        asked_at = client.post(path, {"email": "thief@example.com", "action_add": ""})["Location"]
        assert asked_at.startswith(CONFIRM), path
    stranger = Wallet()
    text = asked(client, stranger, "confirm")
    assert "does not belong" in refusal(hand_in(client, CONFIRM, text, stranger.sign(text)))
    text = asked(client, wallet, "confirm")
    assert hand_in(client, CONFIRM, text, wallet.sign(text)).status_code == 302
    assert "last way into your account" in client.post(unlink, follow=True).content.decode()
    text = asked(client, stranger, "link")
    hand_in(client, LINK, text, stranger.sign(text))
    assert "no longer signs in" in client.post(unlink, follow=True).content.decode()
    assert EthereumWallet.objects.get().address == stranger.address


def test_a_wallet_does_not_pass_by_the_second_factor(client: Client, someone: User, wallet: Wallet) -> None:
    EthereumWallet.objects.create(user=someone, address=wallet.address)
    TOTP.activate(someone, generate_totp_secret())
    assert sign_in(client, wallet)["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session


def test_secrets_of_second_factors_rest_sealed_and_older_ones_are_sealed(someone: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(someone, secret)
    codes = RecoveryCodes.activate(someone).get_unused_codes()
    app = Authenticator.objects.get(type="totp")
    sealed = app.data["secret"]
    assert sealed.startswith("sealed:")
    assert secret not in sealed
    app.data["secret"] = secret  # as it was kept before
    app.save()
    assert app.wrap().validate_code("000000") is False  # read in either form
    migration = MigrationLoader(None).disk_migrations["identity", "0002_sealed_second_factors"]
    step = migration.operations[0]
    step.code(apps, None)
    once = Authenticator.objects.get(type="totp").data["secret"]
    assert once.startswith("sealed:")
    step.code(apps, None)
    assert Authenticator.objects.get(type="totp").data["secret"] == once
    assert Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes() == codes
    step.reverse_code(apps, None)
    assert Authenticator.objects.get(type="totp").data["secret"] == secret


def test_who_never_finished_to_sign_up_is_deleted(client: Client, someone: User) -> None:
    answer = client.post("/accounts/signup/passkey/")
    assert answer["Location"] == "/accounts/2fa/webauthn/signup/"
    assert "_auth_user_id" not in client.session
    assert "Create your passkey" in client.get(answer["Location"]).content.decode()
    assert services.delete_abandoned_sign_ups() == 0
    get_user_model().objects.update(date_joined=timezone.now() - timedelta(days=2))
    assert services.delete_abandoned_sign_ups() == 1
    assert list(get_user_model().objects.all()) == [someone]
