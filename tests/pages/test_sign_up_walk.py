"""Someone signs up in a browser without an address: with a passkey, and with an Ethereum wallet."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PrivateStack
from tests.pages.ethereum import Wallet
from tests.pages.screen import SIZES, errors_of
from tests.pages.test_second_factor_walk import AUTHENTICATOR, fits, sign_out

PROVIDER = """
window.ethereum = { request: ({ method, params }) => window.walletAnswers(method, params ?? []) };
"""


@pytest.fixture
def page(chromium: Browser, stack: PrivateStack) -> Iterator[Page]:
    """A page of nobody on a phone, on ``localhost`` (a passkey belongs to a name)."""
    context = chromium.new_context(
        viewport=SIZES["phone"], base_url=stack.base_url.replace("127.0.0.1", "localhost")
    )
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    made = context.new_page()
    complaints = errors_of(made)
    yield made
    context.close()
    assert [said for said in complaints if "422" not in said] == []


@pytest.mark.browser
def test_a_passkey_is_all_an_account_begins_with(page: Page) -> None:
    driver = page.context.new_cdp_session(page)
    driver.send("WebAuthn.enable")
    driver.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/accounts/signup/?next=/account/security/")
    assert fits(page)
    page.get_by_role("link", name="Passkey").click()
    assert fits(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Create passkey").click()
    expect(page).to_have_url("/account/security/")
    expect(page.get_by_role("row", name="Passkeys")).to_contain_text("1 added")
    expect(page.get_by_text("Your account has one way in")).to_be_visible()
    sign_out(page)
    page.goto("/accounts/login/?next=/account/security/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("row", name="Passkeys")).to_contain_text("1 added")


@pytest.mark.browser
def test_a_wallet_signs_up_is_asked_once_more_and_signs_in(page: Page) -> None:
    wallet, refuses = Wallet(), [True]

    def answers(method: str, params: list[str]) -> Any:
        if method == "eth_requestAccounts":
            return [wallet.address.lower()]
        if method == "eth_chainId":
            return "0x1"
        assert (method, params[1]) == ("personal_sign", wallet.address.lower())
        signer = Wallet() if refuses.pop() else wallet
        refuses.append(False)
        text = bytes.fromhex(params[0][2:]).decode()
        return signer.sign(text)

    page.context.expose_function("walletAnswers", answers)
    page.context.add_init_script(PROVIDER)
    page.goto("/accounts/signup/?next=/account/security/")
    page.locator("main").get_by_role("link", name="Wallet").click()
    page.get_by_role("button", name="Continue with your wallet").click()
    expect(page.get_by_role("alert").filter(has_text="Another account than")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Continue with your wallet").click()
    expect(page).to_have_url("/account/security/")
    expect(page.get_by_role("row", name=wallet.address)).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_role("button", name="Confirm with your wallet").click()
    expect(page.locator("img.qr")).to_be_visible()
    sign_out(page)
    page.goto("/accounts/login/?next=/account/security/")
    page.get_by_role("link", name="Sign in with a wallet").click()
    page.get_by_role("button", name="Continue with your wallet").click()
    expect(page.get_by_role("row", name=wallet.address)).to_be_visible()
