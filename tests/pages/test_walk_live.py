"""The terminal in a real browser: other traders, interruptions, keys, and what a preview promised."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.client import wait_until_ready
from exchange_os.demo.stack import PrivateStack
from tests.pages.screen import SIZES, Screen

pytestmark = pytest.mark.browser
PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def desk(chromium: Browser, stack: PrivateStack, stage: dict[str, str]) -> Iterator[Screen]:
    """A funded trader at a desk who is not asked before sending."""
    context = chromium.new_context(viewport=SIZES["desk"])
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    made = Screen(context.new_page(), "desk", stack.base_url, stage)
    made.email = "desk@test.example"
    made.open(made.terminal)
    made.sign_up()
    made.fund("9000")
    made.page.get_by_label("Ask before sending").uncheck()
    yield made
    context.close()


def buy_button(page: Page):
    return page.get_by_role("button", name="Buy BTC")


def cancel_all(page: Page) -> None:
    """The key for it, and the one question it asks."""
    page.locator("body").press("x")
    page.get_by_role("button", name="Yes, do it").click()


def test_a_second_browser_sees_the_book_change(desk: Screen, chromium: Browser) -> None:
    context = chromium.new_context(viewport=SIZES["desk"])
    watcher = context.new_page()
    watcher.goto(desk.base_url + desk.terminal)
    bids = watcher.locator("xos-book [data-side=bids]")
    expect(bids.locator("tr").first).to_contain_text("64,995.0")
    desk.type_order(price="64998", size="0.01")
    buy_button(desk.page).click()
    expect(bids.locator("tr").first).to_contain_text("64,998.0")
    expect(watcher.locator("tr[data-own]")).to_have_count(0)
    expect(desk.page.locator("tr[data-own]")).to_contain_text("64,998.0")
    cancel_all(desk.page)
    expect(bids.locator("tr").first).to_contain_text("64,995.0")
    context.close()


def test_a_preview_equals_what_the_fill_costs(desk: Screen) -> None:
    page = desk.page
    desk.type_order(price=None, size="0.06")
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("0.06 BTC would fill at once")
    told = dict(
        zip(preview.locator("dt").all_inner_texts(), preview.locator("dd").all_inner_texts(), strict=True)
    )
    before = page.locator("[data-available]").inner_text()
    buy_button(page).click()
    desk.toast("Bought 0.06 BTC at")
    desk.table("Fills")
    expect(page.locator("#panel-fills tbody tr").first).to_be_visible()
    fills = page.locator("#panel-fills tbody tr").all_inner_texts()
    value = sum(float(fill.split("\t")[4].split()[0].replace(",", "")) for fill in fills)
    fee = sum(float(fill.split("\t")[5].split()[0].replace(",", "")) for fill in fills)
    assert told["Order value"] == f"{value:,.10g} USD"
    assert float(told["Fee"].split()[0]) == pytest.approx(fee, abs=1e-9)
    assert float(told["You pay"].split()[0].replace(",", "")) == pytest.approx(value + fee, abs=1e-9)
    expect(page.locator("[data-available]")).not_to_have_text(before)
    left = float(page.locator("[data-available]").inner_text().split()[0].replace(",", ""))
    assert left == pytest.approx(float(before.split()[0].replace(",", "")) - value - fee, abs=1e-9)


def test_a_double_click_sends_one_order(desk: Screen) -> None:
    page = desk.page
    desk.table("Open orders")
    desk.type_order(price="64000", size="0.001")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.url.endswith("/order/") else None)
    buy_button(page).dblclick()
    desk.toast("Order placed")
    expect(page.locator("tr[data-order]")).to_have_count(1)
    assert len(posts) == 1
    # The same ticket sent again by hand, as a browser that retries would: the id of the order makes it one.
    token = page.locator("form.ticket [name=csrfmiddlewaretoken]").input_value()
    form = {"side": "buy", "type": "limit", "price": "64001", "size": "0.001", "client_id": "sentTwice1"}
    for _ in range(2):
        answer = page.request.post(
            f"{desk.base_url}{desk.terminal}order/",
            form=form,
            headers={"X-CSRFToken": token, "HX-Request": "true", "Origin": desk.base_url},
        )
        assert answer.status == 200
    assert "it is not sent twice" in answer.headers["hx-trigger"]
    expect(page.locator("tr[data-order]")).to_have_count(2)
    cancel_all(page)
    expect(page.locator("#panel-orders")).to_contain_text("No open orders")


def test_keys_do_what_the_sheet_says(desk: Screen) -> None:
    page = desk.page
    body = page.locator("body")
    desk.table("Open orders")
    body.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    body.press("s")
    expect(page.get_by_role("button", name="Sell BTC")).to_be_visible()
    expect(page.get_by_label("Amount in BTC")).to_be_focused()
    page.keyboard.type("b")  # typed into the field, not a key
    expect(page.get_by_role("button", name="Sell BTC")).to_be_visible()
    page.get_by_label("Amount in BTC").fill("")
    page.get_by_label("Amount in BTC").blur()
    body.press("b")
    page.get_by_label("Amount in BTC").blur()
    body.press("l")
    body.press("p")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("60000")
    page.get_by_label("Price in USD", exact=True).blur()
    body.press("3")
    expect(page.locator("[data-share-text]")).to_have_text("50%")
    body.press("]")
    expect(page.get_by_role("tab", name="Open orders")).to_have_attribute("aria-selected", "false")
    body.press("[")
    expect(page.get_by_role("tab", name="Open orders")).to_have_attribute("aria-selected", "true")
    body.press("d")
    expect(page.locator("xos-depth canvas")).to_be_visible()
    body.press("o")
    expect(page.locator("xos-book .book")).to_be_visible()
    desk.page.get_by_label("Amount in BTC").fill("0.01")
    page.keyboard.press("Enter")
    desk.toast("Order placed")
    expect(page.locator("tr[data-order]")).to_have_count(1)
    page.get_by_label("Amount in BTC").blur()
    page.locator("tr[data-order]").get_by_role("button", name="Change").click()
    page.get_by_label("New price").fill("60100")
    page.keyboard.press("Enter")
    desk.toast("Order changed")
    expect(page.locator("tr[data-order]")).to_contain_text("60,100.0")
    cancel_all(page)
    expect(page.locator("#panel-orders")).to_contain_text("No open orders")


def test_nothing_is_lost_or_doubled_when_the_web_server_restarts(desk: Screen, stack: PrivateStack) -> None:
    page = desk.page
    desk.type_order(price="64999", size="0.01")
    buy_button(page).click()
    expect(page.locator("tr[data-order]")).to_have_count(1)
    desk.table("Fills")
    before = page.locator("#panel-fills tbody tr").count()
    page.evaluate(
        "window.notes = []; new MutationObserver((seen) => seen.forEach((one) => one.addedNodes.forEach("
        "(node) => window.notes.push(node.innerText)))).observe(document.getElementById('toasts'), {childList: true})"
    )
    stack.kill("web-1")
    expect(page.locator("[data-link]")).to_have_attribute("data-state", "lost")
    expect(page.locator("[data-lost]")).to_be_visible()
    # Somebody sells into the order while the page is away.
    stack.manage("shell", "-c", SELL)
    stack.launch("web-1")
    assert wait_until_ready(stack.base_url, PATIENCE_SECONDS)
    expect(page.locator("[data-link]")).to_have_attribute("data-state", "live")
    expect(page.locator("[data-lost]")).to_be_hidden()
    desk.toast("Bought 0.01 BTC at 64,999.0")
    expect(page.locator("#panel-fills tbody tr")).to_have_count(before + 1)
    expect(page.locator("xos-book [data-side=bids] tr").first).to_contain_text("64,995.0")
    notes = page.evaluate("window.notes")
    assert sum("Bought 0.01 BTC" in note for note in notes) == 1, notes


SELL = """
from decimal import Decimal
from trading.models import TradingAccount
from trading.services.orders import OrderDraft, place_order
from venues.selectors import market_by_symbol
maker = TradingAccount.objects.select_related("venue").get(user__email="maker@test.example")
draft = OrderDraft("sell", Decimal("0.01"), price=Decimal("64999"), time_in_force="ioc")
assert place_order(maker, market_by_symbol(maker.venue, "BTC-USD"), draft).filled_lots == 100
"""
