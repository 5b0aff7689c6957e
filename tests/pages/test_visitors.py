"""What somebody without an account can try against pages: frames, foreign names, forged forms, questions who exists."""

import re
from collections.abc import Iterator

import pytest
from allauth.account.app_settings import AppSettings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db
SIGN_UP = {"email": "new@example.com", "password1": "a long enough password"}


def test_pages_are_neither_framed_nor_sniffed_nor_sent_in_the_clear(client: Client) -> None:
    with override_settings(SECURE_HSTS_SECONDS=31_536_000, SECURE_HSTS_INCLUDE_SUBDOMAINS=True):
        told = client.get("/", secure=True).headers
    assert told["X-Frame-Options"] == "DENY"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] == told["Cross-Origin-Opener-Policy"] == "same-origin"
    assert told["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")
    policy = dict(part.strip().partition(" ")[::2] for part in told["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]


def test_no_other_name_is_answered_to_however_it_is_claimed(client: Client) -> None:
    """Nor is a name that a proxy did not check put into an address: a letter leads here and nowhere else."""
    get_user_model().objects.create_user("ada", "ada@example.com")
    with override_settings(ALLOWED_HOSTS=["exchange.example"]):
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400
        asked = {"host": "exchange.example", "x-forwarded-host": "evil.example", "x-forwarded-port": "81"}
        answer = client.post("/accounts/password/reset/", {"email": "ada@example.com"}, headers=asked)
    assert answer.status_code == 302
    (letter,) = mail.outbox
    assert "://exchange.example/" in letter.body
    assert "evil" not in letter.body


def test_a_form_from_elsewhere_is_refused_at_every_door(db: None) -> None:
    """Every address that takes a POST of a browser wants the token of its page, whoever is signed in. Programs, below
    ``/api/``, bring no session."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_user("ada", "ada@example.com", is_staff=True))
    tried = 0
    for path in addresses():
        if path.startswith("/api/"):
            continue
        status = client.post(path, {"amount": "1"}).status_code
        assert status in (401, 403, 404, 405), f"{path} answered {status} to a forged form"
        tried += status == 403
    assert tried > 60


def test_who_has_an_account_is_not_told(client: Client) -> None:
    get_user_model().objects.create_user("ada", "ada@example.com", SIGN_UP["password1"])
    told = []
    for email in ("ada@example.com", "nobody@example.com"):
        reset = client.post("/accounts/password/reset/", {"email": email}, follow=True).content.decode()
        wrong = client.post("/accounts/login/", {"login": email, "password": "not the one"}).content.decode()
        told.append([re.sub(r'value="[^"]*"|\w{24,}', "", page) for page in (reset, wrong)])
    assert told[0] == told[1]


def test_sign_ups_from_one_address_are_bounded(client: Client) -> None:
    assert "/ip" in AppSettings("ACCOUNT_").RATE_LIMITS["signup"]
    cache.clear()
    with override_settings(ACCOUNT_RATE_LIMITS={"signup": "3/h/ip"}):
        statuses = []
        for number in range(5):
            answer = client.post("/accounts/signup/", SIGN_UP | {"email": f"new{number}@example.com"})
            statuses.append(answer.status_code)
            client.logout()
    cache.clear()
    assert statuses == [302, 302, 302, 429, 429]
    assert get_user_model().objects.filter(email__startswith="new").count() == 3


def test_what_is_ones_own_is_kept_by_no_cache(client: Client) -> None:
    assert "no-store" not in client.get("/").headers.get("Cache-Control", "")
    client.force_login(get_user_model().objects.create_user("ada", "ada@example.com"))
    for path in ("/", "/account/", "/wallet/", "/account/security/", "/governance/"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", ")), path


def addresses() -> Iterator[str]:
    """Every address of pages with something plausible in the place of each argument."""
    for pattern in _patterns(get_resolver().url_patterns, ""):
        path = re.sub(r"<(?:int:)?\w*(?:pk|number|id|venue)\w*>", "1", "/" + pattern)
        path = re.sub(r"<[^>]+>", "x1", path)
        if not re.search(r"[\^$(\\]", path):
            yield path


def _patterns(found: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for each in found:
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, before + str(each.pattern))
        else:
            yield before + str(each.pattern)
