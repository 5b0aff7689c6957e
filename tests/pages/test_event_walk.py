"""A bet in a real browser, on a desk and on a phone: bought in plain words, held, sold, and paid in the end."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from exchange_os.demo.stack import PROJECT, PrivateStack
from tests.pages.screen import COUNT_SHIFTS, SIZES, is_complaint

pytestmark = pytest.mark.browser


def run_stage(stack: PrivateStack, *arguments: str) -> str:
    """Run the stage of events in a process of its own; what it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.event_stage", *arguments],
        cwd=PROJECT,
        env=stack.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return (done.stdout.splitlines() or [""])[-1]


@pytest.fixture(scope="package")
def hall(stack: PrivateStack) -> dict:
    """The venue of events, as its stage prints it."""
    return json.loads(run_stage(stack))


class Visit:
    """A signed-in page that remembers what the browser complained of."""

    def __init__(self, context: BrowserContext, stack: PrivateStack, session: str) -> None:
        context.set_default_timeout(20_000)
        context.add_init_script(COUNT_SHIFTS)
        context.add_cookies([{"name": "sessionid", "value": session, "url": stack.base_url}])
        self.base_url = stack.base_url
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda note: self.complaints.append(note.text) if is_complaint(note) else None,
        )

    def open(self, hall: dict, event: int = 0) -> None:
        self.page.goto(f"{self.base_url}/v/{hall['venue']}/event/{hall['events'][event]}/")

    def toast(self, text: str) -> None:
        expect(self.page.locator(".toast", has_text=text).first).to_be_visible()


@pytest.fixture(params=list(SIZES))
def visit(
    request: pytest.FixtureRequest, chromium: Browser, stack: PrivateStack, hall: dict
) -> Iterator[Visit]:
    """A trader with money, in a browser of one size, at the first event."""
    phone = request.param == "phone"
    context = chromium.new_context(viewport=SIZES[request.param], has_touch=phone, is_mobile=phone)
    expect.set_options(timeout=20_000)
    made = Visit(context, stack, hall["sessions"][int(phone)])
    made.open(hall)
    yield made
    context.close()
    assert made.complaints == [], stack.complaints()


def test_a_bet_is_bought_seen_and_sold(
    visit: Visit, hall: dict, chromium: Browser, stack: PrivateStack, request: pytest.FixtureRequest
) -> None:
    page = visit.page
    # Each screen bets on an outcome of its own, whose book nobody has touched.
    desk = request.node.callspec.params["visit"] == "desk"
    name, code, fair = ("France", "FRANCE", 30) if desk else ("Any other", "ANYOTHER", 20)
    watcher = Visit(chromium.new_context(viewport=SIZES["desk"]), stack, "")
    watcher.open(hall)
    row = page.locator(f"tr[data-symbol$={code}]")
    expect(row.locator("[data-chance]")).to_have_text(f"{fair}%")
    row.get_by_role("link", name=f"Buy Yes of {name}").click()
    expect(page.locator("xos-bet")).to_have_attribute("data-outcome", symbol_of(hall, code))
    page.locator("#bet-amount").fill(str(fair + 1))
    expect(page.locator(".bet-sentence")).to_have_text(
        f"You pay {fair + 1}.00 USD. You get 100.00 USD if {name} wins, nothing otherwise."
    )
    page.get_by_role("button", name="Buy Yes").click()
    visit.toast(f"Bought 100 Yes on {name} for {fair + 1}.00 USD.")
    expect(page.locator("#bet-amount")).to_have_value("")
    own = page.locator("#own")
    expect(own.locator("tr[id^=stake-]")).to_contain_text(f"100 Yes {name}")
    expect(own.locator("[data-worst]")).to_contain_text("At worst 0.00 USD if")
    # The other screen sees the trade and the new price without asking.
    expect(watcher.page.locator("[data-tape] li").first).to_contain_text(name)
    price = watcher.page.locator(f"tr[data-symbol$={code}] [data-yes]")
    expect(price).to_have_text(f"{fair + 2}¢")
    watcher.page.context.close()

    page.locator(".yes-no .side-sell").click()
    expect(page.get_by_role("button", name="Buy No")).to_be_visible()
    page.locator("#bet-amount").fill("no")
    expect(page.locator("#bet-amount-error")).to_have_text("Enter how much USD to spend, for example 20.")

    own.get_by_role("link", name=f"Sell 100 Yes {name}").click()
    expect(page.locator("#bet-amount")).to_have_value("100")
    expect(page.locator(".bet-sentence")).to_contain_text(
        f"You get {fair - 1}.00 USD now and give up 100.00 USD"
    )
    page.get_by_role("button", name="Sell Yes").click()
    visit.toast(f"Sold 100 Yes on {name} for {fair - 1}.00 USD.")
    expect(own.locator("tr[id^=stake-]")).to_have_count(0)
    assert page.evaluate("window.shifts") < 0.05
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def symbol_of(hall: dict, name: str) -> str:
    """The symbol of an outcome of the first event."""
    stem = hall["events"][0].rsplit("-", 1)[0]
    return f"CUP-{stem}-{name}"


def test_what_is_right_is_paid_and_told(chromium: Browser, stack: PrivateStack, hall: dict) -> None:
    visit = Visit(chromium.new_context(viewport=SIZES["desk"]), stack, hall["sessions"][2])
    expect.set_options(timeout=20_000)
    visit.open(hall, 1)
    page = visit.page
    page.get_by_role("link", name="Buy No of Yes").click()
    expect(page.get_by_role("button", name="Buy No")).to_be_visible()
    page.locator("#bet-amount").fill("76")
    expect(page.locator(".bet-sentence")).to_have_text(
        "You pay 76.00 USD. You get 100.00 USD if the answer is No, nothing otherwise."
    )
    page.get_by_role("button", name="Buy No").click()
    visit.toast("Bought 100 No for 76.00 USD.")
    run_stage(stack, "settle", hall["events"][1], "1")
    # The page follows by itself.
    expect(page.locator("[data-result]")).to_have_text("Result: No")
    expect(page.locator(".way")).to_contain_text("https://example.com/cup shows it")
    expect(page.locator("[data-receipt]")).to_contain_text("100 No")
    expect(page.locator("[data-receipt]")).to_contain_text("100.00 USD")
    expect(page.locator("#own .card-head")).to_contain_text("+24.00 USD")
    page.reload()
    expect(page.locator("#trade")).to_contain_text("Trading has ended")
    page.goto(f"{stack.base_url}/v/hall/events/?show=over")
    expect(page.locator(".event-card")).to_contain_text("Does the final go to penalties?")
    assert visit.complaints == []
    page.context.close()


def test_a_wrong_result_is_disputed_on_a_phone_and_overturned(
    chromium: Browser, stack: PrivateStack, hall: dict
) -> None:
    context = chromium.new_context(viewport=SIZES["phone"], has_touch=True, is_mobile=True)
    visit = Visit(context, stack, hall["sessions"][1])
    expect.set_options(timeout=20_000)
    run_stage(stack, "propose", hall["events"][2], "0")
    visit.open(hall, 2)
    page, form = visit.page, visit.page.locator("#dispute")
    page.locator("#dispute > summary").click()
    expect(form).to_contain_text("100 OKB of your wallet are held as a bond")
    form.get_by_label("What is right").select_option(label="No")
    form.get_by_label("What is wrong").fill("no")
    form.get_by_role("button", name="Dispute the result").click()
    expect(form.locator(".error")).to_contain_text("Say in 10 to 500 characters what is wrong")
    expect(form.get_by_label("What is right")).to_have_value("1")
    form.get_by_label("What is wrong").fill("It was 2:1 after ninety minutes, not level.")
    form.get_by_label("Where it can be checked").fill("https://example.com/record")
    form.get_by_role("button", name="Dispute the result").click()
    visit.toast("The result is disputed: it is not paid until it has been judged.")
    expect(page.locator(".dispute-list")).to_contain_text("Says: No")
    expect(page.locator(".dispute-list")).to_contain_text("Bond 100 OKB against 100 OKB of the proposer")
    expect(page.locator(".way")).to_contain_text("A panel without holders judges")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    run_stage(stack, "judge", hall["events"][2], "1")
    page.reload()
    expect(page.locator("[data-result]")).to_have_text("Result: No")
    expect(page.locator(".dispute-list")).to_contain_text("200 OKB went back to the challenger")
    expect(page.locator(".dispute-list")).to_contain_text("Another result: No.")
    assert visit.complaints == []
    context.close()


def test_the_page_reads_without_script(chromium: Browser, stack: PrivateStack, hall: dict) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{stack.base_url}/v/{hall['venue']}/event/{hall['events'][0]}/")
    expect(page.locator("tr[data-symbol$=ARGENTINA]")).to_contain_text("50%")
    page.get_by_role("link", name="Buy No of Argentina").click()
    expect(page.locator(".event-ticket")).to_contain_text("Argentina")
    expect(page.locator(".ladder")).to_contain_text("Offers of no")
    expect(page.locator(".ladder")).to_contain_text("51¢")
    context.close()
