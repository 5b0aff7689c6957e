"""A newcomer's walk in a real browser against a whole private exchange, on a desk and on a phone.

Nothing waits by the clock: every step waits for what a person would see.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from exchange_os.demo.stack import PrivateStack

PASSWORD = "a long enough password"
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
COUNT_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


class Screen:
    """A page that remembers what the browser complained of, and knows where the parts are on its size of screen."""

    def __init__(self, page: Page, size: str, base_url: str, stage: dict[str, str]) -> None:
        self.page = page
        self.phone = size == "phone"
        self.email = f"newcomer-{size}@test.example"
        self.base_url = base_url
        self.terminal = f"/v/{stage['venue']}/trade/{stage['symbol']}/"
        self.complaints: list[str] = []
        page.on("response", self.note_response)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self.note_console)

    def note_response(self, response: Response) -> None:
        """Remembers what the server did not answer; 422 is a refusal, which a walk may be about."""
        if response.status >= 400 and response.status != 422:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def note_console(self, note: ConsoleMessage) -> None:
        """Remembers errors of scripts and of the content policy; answers of the server are noted with their address."""
        if note.type == "error" and not note.text.startswith("Failed to load resource"):
            self.complaints.append(note.text)

    def open(self, path: str) -> None:
        self.page.goto(self.base_url + path)

    def show(self, part: str) -> None:
        """Brings a part of the terminal to the front, which only a phone needs."""
        if self.phone:
            self.page.locator(f"[data-show={part}]").click()

    def toast(self, text: str) -> None:
        expect(self.page.locator(".toast", has_text=text).first).to_be_visible()

    def sign_up(self) -> None:
        self.show("ticket")
        self.page.locator(".ticket-invite").get_by_role("link", name="Sign up").click()
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.locator("main").get_by_role("button", name="Sign up").click()
        expect(self.page).to_have_url(self.base_url + self.terminal)

    def fund(self, amount: str) -> None:
        """Faucet to wallet, wallet to venue: what the ticket offers at each point."""
        self.show("ticket")
        self.page.get_by_role("link", name="Open the faucet").click()
        self.page.get_by_role("button", name="Get USD").click()
        self.toast("of test funds are in your wallet")
        self.open(self.terminal)
        self.show("ticket")
        self.page.get_by_label("Amount of USD to transfer").fill(amount)
        with self.page.expect_navigation():
            self.page.locator(".fund-prompt").get_by_role("button", name="Transfer").click()
        self.show("ticket")

    def type_order(self, *, price: str | None, size: str) -> None:
        self.show("ticket")
        self.page.locator("[name=type][value=%s]" % ("limit" if price else "market")).check(force=True)
        if price:
            self.page.get_by_label("Price in USD").fill(price)
        self.page.get_by_label("Amount in BTC").fill(size)

    def buy(self) -> None:
        self.page.get_by_role("button", name="Buy BTC").click()

    def table(self, name: str) -> None:
        self.show("orders")
        self.page.get_by_role("tab", name=name).click()


@pytest.fixture(params=list(SIZES))
def screen(
    request: pytest.FixtureRequest, chromium: Browser, stack: PrivateStack, stage: dict[str, str]
) -> Iterator[Screen]:
    """A fresh browser of one size, at the terminal of the stage's market."""
    context: BrowserContext = chromium.new_context(
        viewport=SIZES[request.param], has_touch=request.param == "phone", is_mobile=request.param == "phone"
    )
    context.set_default_timeout(20_000)
    context.add_init_script(COUNT_SHIFTS)
    expect.set_options(timeout=20_000)
    made = Screen(context.new_page(), request.param, stack.base_url, stage)
    made.open(made.terminal)
    yield made
    context.close()
    assert made.complaints == [], stack.complaints()


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
    screen.toast("Order cancelled.")
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


def test_a_click_on_the_book_fills_the_ticket_and_keys_choose(screen: Screen) -> None:
    page = screen.page
    screen.email = f"clicker-{screen.email}"
    screen.sign_up()
    screen.show("book")
    page.locator("xos-book [data-side=bids] tr").nth(1).click()
    expect(page.get_by_label("Price in USD")).to_have_value("64990.0")
    page.locator("body").press("s")
    expect(page.get_by_role("button", name="Sell BTC")).to_be_visible()
    page.locator("body").press("b")
    expect(page.get_by_role("button", name="Buy BTC")).to_be_visible()
    page.get_by_label("Price in USD").press("ArrowUp")
    expect(page.get_by_label("Price in USD")).to_have_value("64990.5")


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
    expect(page.get_by_role("link", name="BTC/USD")).to_be_visible()
    page.get_by_placeholder("Search markets and venues").fill("globe")
    page.get_by_placeholder("Search markets and venues").press("Enter")
    expect(page.get_by_role("link", name="BTC/USD")).to_be_visible()
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
