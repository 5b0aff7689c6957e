"""Someone adds a passkey and an authenticator app in a browser, and signs in with each."""

import time
from collections.abc import Iterator
from itertools import count

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PrivateStack
from tests.pages.screen import PASSWORD, SIZES, errors_of

TOTP_SECONDS = 30
_numbers = count()
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(params=list(SIZES))
def newcomer(
    request: pytest.FixtureRequest, chromium: Browser, stack: PrivateStack
) -> Iterator[tuple[Page, str]]:
    """A page on ``localhost`` (a passkey belongs to a name) of someone who just signed up, and their address."""
    base = stack.base_url.replace("127.0.0.1", "localhost")
    context = chromium.new_context(viewport=SIZES[request.param], base_url=base)
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page = context.new_page()
    complaints = errors_of(page)
    email = f"factors-{next(_numbers)}@test.example"
    page.goto("/accounts/signup/?next=/account/security/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()
    yield page, email
    context.close()
    assert complaints == []


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Confirm").click()


def sign_out(page: Page) -> None:
    page.goto("/account/security/")
    page.locator("summary[aria-label=Account]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign up").first).to_be_visible()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.browser
def test_a_code_of_an_app_signs_in(newcomer: tuple[Page, str]) -> None:
    page, email = newcomer
    page.get_by_role("link", name="Set up an authenticator app").click()
    confirm(page)
    expect(page.locator("img.qr")).to_be_visible()
    assert page.locator("img.qr").evaluate("image => image.naturalWidth > 0")
    assert fits(page)
    secret = page.get_by_label("Authenticator secret").input_value()

    def type_code(ahead: int) -> None:
        code = format_hotp_value(hotp_value(secret, int(time.time()) // TOTP_SECONDS + ahead))
        page.locator("input[name=code]").fill(code)
        page.keyboard.press("Enter")

    type_code(0)
    expect(page.get_by_label("Unused codes")).to_be_visible()
    assert fits(page)
    sign_out(page)
    page.goto("/accounts/login/?next=/account/security/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Use a security key")).to_be_visible()
    assert fits(page)
    type_code(1)  # a code is good once; the next one counts already
    expect(page.get_by_role("row", name="Authenticator app")).to_contain_text("active")
    assert fits(page)


@pytest.mark.browser
def test_a_passkey_signs_in_without_a_password(newcomer: tuple[Page, str]) -> None:
    page, _ = newcomer
    driver = page.context.new_cdp_session(page)
    driver.send("WebAuthn.enable")
    driver.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Passwordless").check()
    assert fits(page)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Unused codes")).to_be_visible()
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("row", name="Master key")).to_contain_text("Passkey")
    assert fits(page)
    sign_out(page)
    page.goto("/accounts/login/?next=/account/security/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("row", name="Passkeys")).to_contain_text("1 added")
    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/account/security/")
    page.get_by_role("button", name="Use a security key").click()
    expect(page).to_have_url("/account/security/")
