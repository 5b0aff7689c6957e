"""From refusal to first trade at a venue that asks who one is: applying, the desk, the trade, and consent withdrawn."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from exchange_os.demo.stack import PrivateStack
from tests.pages.screen import SIZES, Screen

pytestmark = pytest.mark.browser
PAPER = {"name": "passport.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 a passport"}


def test_from_refusal_to_first_trade(chromium: Browser, stack: PrivateStack, kyc: dict[str, Any]) -> None:
    expect.set_options(timeout=20_000)
    context = chromium.new_context(viewport=SIZES["desk"])
    context.set_default_timeout(20_000)
    screen = Screen(context.new_page(), "desk", stack.base_url, kyc)
    screen.email = "kyc-newcomer@test.example"
    page = screen.page
    screen.open(screen.terminal)
    screen.sign_up()
    expect(page.locator(".access-note")).to_contain_text("a credential of level 2")
    screen.type_order(price="65005", size="0.01")
    screen.buy()
    expect(page.locator("#ticket-refusal")).to_contain_text(
        "Apply once; other venues that trust the issuer take it too."
    )

    page.locator("#ticket-refusal").get_by_role("link", name="See what it asks").click()
    expect(page.locator("#access")).to_contain_text("Not for residents of North Korea.")
    page.locator("#access").get_by_role("link", name="Prove who you are").click()
    page.get_by_label("Full name", exact=True).fill("Ann Example")
    page.get_by_label("Date of birth", exact=True).fill("1990-04-01")
    page.get_by_label("Country you live in").select_option("DE")
    page.get_by_label("I let").check()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".drop .error")).to_contain_text("choose a JPEG, PNG or PDF")
    page.locator("[name=identity]").set_input_files([PAPER])
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#progress")).to_contain_text("Waiting for somebody to read it")

    desk = chromium.new_context(viewport=SIZES["desk"])
    desk.add_cookies([{"name": "sessionid", "value": kyc["officer"], "url": stack.base_url}])
    review = desk.new_page()
    review.goto(f"{stack.base_url}/deployer/venues/{kyc['venue_id']}/compliance/")
    review.get_by_role("link", name="Review").click()
    expect(review.get_by_role("heading", name="Ann Example")).to_be_visible()
    with review.expect_download() as paper:
        review.get_by_role("button", name="Open the identity document").click()
    assert paper.value.suggested_filename.startswith("identity-")
    review.get_by_role("button", name="Approve").click()
    expect(review.locator(".timeline")).to_contain_text("Approved")
    expect(review.locator(".views")).to_contain_text("officer@test.example")
    desk.close()

    page.locator("#progress").get_by_role("link", name="Trade at Meridian Fund").click()
    expect(page.locator("#access")).to_contain_text("You may trade")
    screen.open(screen.terminal)
    expect(page.locator(".access-note")).to_have_count(0)
    screen.fund("2000")
    screen.type_order(price="65005", size="0.01")
    screen.buy()
    screen.toast("Bought 0.01 BTC at 65,005.0.")

    screen.open("/account/credentials/")
    page.get_by_role("button", name="Stop showing it to Meridian Fund").click()
    screen.toast("no longer sees it")
    screen.open(screen.terminal)
    expect(page.locator(".access-note")).to_contain_text("the venue may not see it")
    screen.type_order(price="65005", size="0.01")
    screen.buy()
    expect(page.locator("#ticket-refusal")).to_contain_text("What you hold can still be sold.")
    context.close()
    assert screen.complaints == [], stack.complaints()
