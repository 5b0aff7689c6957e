"""Second factors: enrolled, asked for at sign-in, and demanded of the operator's staff and of whoever makes a key."""

import time
from http import HTTPStatus
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.pages.drafting import _wanted
from governance.pages.votes import _proof
from trading.models import ApiKey, TradingAccount
from trading.pages.security import browser_words
from venues.models import Market
from venues.services.kyc_events import MAX_BODY, add_provider, signature_of
from venues.services.tokens import create_token

PASSWORD = "a long enough password"


def code_of(secret: str) -> str:
    """The code an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


@pytest.fixture
def someone(db: None) -> Any:
    return get_user_model().objects.create_user("someone", "someone@example.com", PASSWORD)


@pytest.fixture
def staff(db: None) -> Any:
    return get_user_model().objects.create_superuser("operator", "operator@example.com", PASSWORD)


def enrolled(user: Any) -> str:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def sign_in(client: Client, user: Any, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": user.email, "password": PASSWORD, **more})


def test_guessing_passwords_is_stopped(client: Client, someone: Any) -> None:
    cache.clear()  # the limits count there
    for _ in range(5):
        refused = client.post("/accounts/login/", {"login": someone.email, "password": "a guess"})
        assert refused.status_code == HTTPStatus.OK and "_auth_user_id" not in client.session
    stopped = sign_in(client, someone)  # it is right now
    assert "Too many failed" in stopped.content.decode()
    assert "_auth_user_id" not in client.session
    cache.clear()
    assert sign_in(client, someone).status_code == HTTPStatus.FOUND


def test_a_session_given_to_a_visitor_is_not_the_one_that_is_signed_in(client: Client, someone: Any) -> None:
    planted = client.session
    planted["given"] = "by somebody else"
    planted.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    sign_in(client, someone)
    assert client.session["_auth_user_id"] == str(someone.pk)
    assert client.session.session_key != planted.session_key
    assert not client.session.__class__().exists(planted.session_key)


def test_an_app_is_enrolled_without_a_verified_address(client: Client, someone: Any) -> None:
    sign_in(client, someone)
    asked = client.get("/accounts/2fa/totp/activate/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    assert 'src="data:image/svg+xml' in page.content.decode()
    code = code_of(page.context["form"].secret)
    assert client.post("/accounts/2fa/totp/activate/", {"code": code}).status_code == 302
    held = set(Authenticator.objects.filter(user=someone).values_list("type", flat=True))
    assert held == {"totp", "recovery_codes"}
    glance = client.get("/account/security/").content.decode()
    assert "active" in glance
    assert "10 left" in glance


def test_a_password_alone_signs_nobody_in_who_has_an_app(client: Client, someone: Any) -> None:
    secret = enrolled(someone)
    answer = sign_in(client, someone)
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/account/security/")["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": "000"}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302
    assert client.get("/account/security/").status_code == 200


def test_other_sessions_are_listed_and_ended(client: Client, someone: Any) -> None:
    other = Client(headers={"user-agent": "Another browser"})
    sign_in(other, someone)
    sign_in(client, someone)
    page = client.get("/account/security/").content.decode()
    assert "Another browser" in page
    assert "End all others" in page
    client.post("/accounts/sessions/")
    assert other.get("/account/security/")["Location"].startswith("/accounts/login/")
    assert client.get("/account/security/").status_code == 200


def test_staff_without_a_second_factor_are_led_to_enrol(client: Client, staff: Any) -> None:
    sign_in(client, staff)
    for path in (
        "/operator/",
        "/operator/engine_price/",
        "/operator/oracles/pricesource/",
        "/operator/jsi18n/",
    ):
        assert client.get(path)["Location"] == "/accounts/2fa/", path


def test_staff_with_one_are_asked_in_a_session_of_a_password_only(client: Client, staff: Any) -> None:
    secret = enrolled(staff)
    client.force_login(staff)
    asked = client.get("/operator/")
    assert asked["Location"] == "/accounts/2fa/reauthenticate/?next=%2Foperator%2F"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/operator/")["Location"] == asked["Location"]
    answer = client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret), "next": "/operator/"})
    assert answer["Location"] == "/operator/"
    assert client.get("/operator/").status_code == 200


def test_the_admins_own_form_signs_nobody_in(client: Client, staff: Any) -> None:
    answer = client.post("/operator/login/", {"username": "operator", "password": PASSWORD})
    assert answer["Location"] == "/accounts/login/?next=/operator/"
    assert "_auth_user_id" not in client.session
    assert client.get("/operator/login/?next=https://evil.example/")["Location"] == answer["Location"]


def test_a_trader_is_not_let_into_the_operators_site(client: Client, someone: Any) -> None:
    enrolled(someone)
    client.force_login(someone)
    assert client.get("/operator/login/").status_code == 403


def test_a_key_that_trades_needs_a_fresh_proof_and_one_that_reads_does_not(
    client: Client, market: Market, someone: Any
) -> None:
    TradingAccount.objects.create(user=someone, venue=market.venue, number=16, opened_at=timezone.now())
    client.force_login(someone)
    typed = {"venue": "acme", "allowed_ips": "", "lifetime": ""}
    for permission in ("trade", "withdraw"):
        asked = client.post("/account/keys/", {**typed, "permissions": [permission]})
        assert asked["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Fkeys%2F"
    assert not ApiKey.objects.exists()
    client.post("/account/keys/", typed)
    assert ApiKey.objects.get().permissions == ["read_only"]
    client.post("/account/keys/", {**typed, "permissions": ["trade"]})
    resumed = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/account/keys/"})
    assert "Shown once" in resumed.content.decode()
    assert ApiKey.objects.filter(permissions=["read_only", "trade"]).count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        "totp/activate/",
        "totp/deactivate/",
        "webauthn/",
        "webauthn/add/",
        "recovery-codes/",
        "recovery-codes/generate/",
    ],
)
def test_the_pages_of_second_factors_run_no_inline_script(client: Client, someone: Any, path: str) -> None:
    if path != "totp/activate/":
        enrolled(someone)
    client.force_login(someone)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = client.get(f"/accounts/2fa/{path}")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'class="tabs"' in page
    for tag in page.split("<script")[1:]:
        head = tag.split(">")[0]
        assert "src=" in head or 'type="application/json"' in head, head


DIGITS = b"9" * 5_000
NO_SUCH_JSON = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "long number": DIGITS,
    "long number inside": b'{"id":' + DIGITS + b"}",
    "no object": b"[]",
    "no number": b'{"id": NaN}',
    "empty object": b"{}",
    "wrong members": b'{"id": 1, "rawId": [], "response": {"clientDataJSON": "%"}, "type": "public-key"}',
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("body", NO_SUCH_JSON.values(), ids=NO_SUCH_JSON)
def test_json_from_outside_is_refused_in_words_at_every_door(
    client: Client, market: Market, someone: Any, body: bytes
) -> None:
    _, token = create_token(market.venue.deployer.user, market.venue, "Bot", "owner")
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/api/deployer/v1/markets", body, "application/json", headers=headers)
    if body != b"{}":
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    issuer, secret = add_provider(
        market.venue.deployer.user, market.venue, "Truly", "https://kyc.example/{reference}"
    )
    at, sent = str(int(time.time())), body[:MAX_BODY]
    headers = {"X-Timestamp": at, "X-Signature": signature_of(secret, at, sent)}
    answer = client.post(f"/api/kyc/v1/{issuer.slug}/events", sent, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "event_malformed")
    answer = client.post("/api/oracle/v1/push", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "push_malformed")

    typed = {"credential": body.decode(errors="replace")}
    assert client.post("/accounts/2fa/webauthn/login/", typed)["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session
    client.force_login(someone)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/webauthn/add/")
    answer = client.post("/accounts/2fa/webauthn/add/", typed)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not Authenticator.objects.exists()


def test_a_vote_and_a_rule_are_refused_json_that_is_none() -> None:
    for body in (NO_SUCH_JSON["deep"], NO_SUCH_JSON["long number"], b"[]", b"{"):
        for read, typed in ((_proof, {"credential": body.decode()}), (_wanted, {"params": body.decode()})):
            with pytest.raises(DomainError) as refused:
                read(RequestFactory().post("/", typed), *([None] if read is _wanted else []))  # type: ignore[operator]
            assert refused.value.code in ("proof_wrong", "params_invalid")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
         "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1",
         "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on macOS"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_words(sent: str, words: str) -> None:
    assert browser_words(sent) == words
