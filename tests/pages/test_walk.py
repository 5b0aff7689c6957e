"""A newcomer's walk in a real browser against a whole private exchange, on a desk and on a phone.

Nothing waits by the clock: every step waits for what a person would see.
"""

import pytest
from playwright.sync_api import Browser, expect

from exchange_os.demo.stack import PrivateStack
from tests.pages.screen import Screen

pytestmark = pytest.mark.browser


def test_a_newcomer_trades(screen: Screen) -> None:
    page = screen.page
    screen.show("book")
    expect(page.locator("xos-book [data-side=asks] tr").last).to_contain_text("65,005.0")
    expect(page.locator("xos-book [data-side=bids] tr").first).to_contain_text("64,995.0")
    screen.sign_up()
    screen.fund("5000")
    expect(page.locator("[data-available]")).to_have_text("5,000 USD")

    screen.type_order(price="64990", size="0.02")
    expect(page.locator("[data-preview]")).to_contain_text("1,299.8 USD")
    screen.buy()
    screen.toast("Order placed: Buy 0.02 BTC at 64,990.0.")
    expect(page.get_by_label("Amount in BTC")).to_have_value("")
    screen.table("Open orders")
    order = page.locator("tr[data-order]")
    expect(order).to_contain_text("64,990.0")
    screen.show("book")
    expect(page.locator("tr[data-own]")).to_contain_text("64,990.0")

    screen.show("orders")
    order.get_by_role("button", name="Cancel").click()
    screen.toast("Order cancelled")
    expect(page.locator("#panel-orders")).to_contain_text("No open orders")
    expect(page.locator("tr[data-own]")).to_have_count(0)

    screen.type_order(price=None, size="0.005")
    screen.buy()
    screen.toast("Bought 0.005 BTC at 65,005.0.")
    screen.table("Fills")
    expect(page.locator("#panel-fills tbody tr")).to_contain_text("65,005.0")
    screen.table("Balances")
    expect(page.locator("#panel-balances")).to_contain_text("0.005")
    expect(page.locator("xos-tape tbody tr").first).to_contain_text("65,005.0")

    screen.type_order(price="64990", size="1")
    screen.buy()
    expect(page.locator("#ticket-refusal")).to_contain_text("transfer more USD here")
    expect(page.get_by_label("Amount in BTC")).to_have_attribute("aria-invalid", "true")

    screen.type_order(price=None, size="0.005")
    screen.sell()
    screen.toast("Sold 0.005 BTC at 64,995.0.")
    page.goto(f"{screen.base_url}/wallet/?venue={screen.terminal.split('/')[2]}&asset=USD")
    # The choice fetches the form anew, so the radio button that was clicked may be gone at once.
    page.locator("label", has=page.locator("[name=direction][value=withdraw]")).click()
    expect(page.get_by_role("button", name="Move to the wallet")).to_be_visible()
    page.get_by_label("Amount", exact=True).fill("1000")
    page.get_by_role("button", name="Move to the wallet").click()
    expect(page.locator("#transfer")).to_contain_text("Arrived")


def test_a_click_on_the_book_fills_the_ticket_and_keys_choose(screen: Screen) -> None:
    page = screen.page
    screen.email = f"clicker-{screen.email}"
    screen.sign_up()
    screen.show("book")
    page.locator("xos-book [data-side=bids] tr").nth(1).click()
    expect(page.get_by_label("Price in USD", exact=True)).to_have_value("64990.0")
    page.locator("body").press("s")
    expect(page.get_by_role("button", name="Sell BTC")).to_be_visible()
    page.get_by_label("Amount in BTC").blur()
    page.locator("body").press("b")
    expect(page.get_by_role("button", name="Buy BTC")).to_be_visible()
    page.get_by_label("Price in USD", exact=True).press("ArrowUp")
    expect(page.get_by_label("Price in USD", exact=True)).to_have_value("64990.5")


def test_the_book_comes_back_after_the_connection_was_lost(screen: Screen) -> None:
    page = screen.page
    screen.show("book")
    first = page.locator("xos-book [data-side=bids] tr").first
    expect(first).to_contain_text("64,995.0")
    sockets = (
        "import('/static/js/feed.js').then(({ Feed }) => Feed.all().forEach((feed) => feed.socket?.close()))"
    )
    page.evaluate(sockets)
    expect(page.locator("[data-link]")).to_have_attribute("data-state", "live")
    expect(first).to_contain_text("64,995.0")


def test_nothing_shifts_and_nothing_hangs_over(screen: Screen) -> None:
    page = screen.page
    screen.show("book")
    expect(page.locator("xos-book [data-side=bids] tr").first).to_contain_text("64,995.0")
    expect(page.locator("xos-book[ready]")).to_have_count(1)
    assert page.evaluate("window.shifts") < 0.05
    for path in (screen.terminal, "/", "/style", "/accounts/login/", screen.terminal.split("trade")[0]):
        screen.open(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], path


def test_pages_can_be_read_without_script(
    chromium: Browser, stack: PrivateStack, stage: dict[str, str]
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.base_url)
    expect(page.get_by_role("link", name="BTC/USD").and_(page.locator("[href*=globe]"))).to_be_visible()
    page.get_by_placeholder("Search markets and venues").fill("globe")
    page.get_by_placeholder("Search markets and venues").press("Enter")
    expect(page.get_by_role("link", name="BTC/USD").and_(page.locator("[href*=globe]"))).to_be_visible()
    page.goto(f"{stack.base_url}/v/{stage['venue']}/")
    expect(page.get_by_role("heading", name="Globe Theatre")).to_be_visible()
    context.close()


def test_the_tables_come_back_when_the_venue_answers_again(
    screen: Screen, stack: PrivateStack, stage: dict[str, str]
) -> None:
    page = screen.page
    screen.email = f"patient-{screen.email}"
    screen.sign_up()
    screen.fund("100")
    expect(page.locator("[data-available]")).to_have_text("100 USD")
    stack.freeze("engine-1")
    try:
        screen.table("Balances")
        expect(page.locator("#panel-balances")).to_contain_text("does not answer at the moment")
    finally:
        stack.thaw("engine-1")
    expect(page.locator("#panel-balances tbody")).to_contain_text("100")
