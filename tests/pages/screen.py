"""A page of a walk: it remembers what the browser complained of and knows where the parts are on its size of screen."""

from playwright.sync_api import ConsoleMessage, Page, Response, expect

PASSWORD = "a long enough password"
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
COUNT_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def is_complaint(note: ConsoleMessage) -> bool:
    """Whether the browser complains of the page. Of answers it complains apart, and a question that a newer one of the
    same field took the place of is broken off on purpose."""
    return (
        note.type == "error"
        and not note.text.startswith("Failed to load resource")
        and "AbortError" not in note.text
    )


def errors_of(page: Page) -> list[str]:
    """What the page will complain of, in a list that grows: errors of scripts and of the console.

    The frame asks for what one is worth now and then; in the moment of signing out it is refused, which is right.
    """
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        broken_off = "AbortError" in message.text
        if (
            message.type == "error"
            and not broken_off
            and not message.location["url"].endswith("/account/worth/")
        ):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", note)
    return complaints


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
        if is_complaint(note):
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
        expect(self.page.locator("#transfer")).to_contain_text("Available: 100,000 USD")
        self.open(self.terminal)
        self.show("ticket")
        self.page.get_by_label("Amount of USD to transfer").fill(amount)
        button = self.page.locator(".fund-prompt").get_by_role("button", name="Transfer")
        expect(button).to_be_in_viewport(ratio=1)
        with self.page.expect_navigation():
            button.click()
        self.show("ticket")

    def type_order(self, *, price: str | None, size: str) -> None:
        self.show("ticket")
        self.page.locator("[name=type][value=%s]" % ("limit" if price else "market")).check(force=True)
        if price:
            self.page.get_by_label("Price in USD", exact=True).fill(price)
        self.page.get_by_label("Amount in BTC").fill(size)

    def buy(self) -> None:
        """Sends the buy order, and says yes when the page asks once more."""
        self.page.get_by_role("button", name="Buy BTC").click()
        self.page.get_by_role("button", name="Send buy order").click()

    def sell(self) -> None:
        """Sends the sell order, likewise."""
        self.page.locator("[name=side][value=sell]").check(force=True)
        self.page.get_by_role("button", name="Sell BTC").click()
        self.page.get_by_role("button", name="Send sell order").click()

    def table(self, name: str) -> None:
        self.show("orders")
        self.page.get_by_role("tab", name=name).click()
