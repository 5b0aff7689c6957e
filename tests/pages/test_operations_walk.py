"""The operator's pages in a browser: figures that move by themselves, and a pause that two people bring about."""

from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PrivateStack
from tests.pages.screen import SIZES

# What reaches over the right edge of the page without a box around it that scrolls.
TOO_WIDE = """
[...document.querySelectorAll("body *")]
  .filter((found) => document.documentElement.scrollWidth > innerWidth
    && found.getBoundingClientRect().right > innerWidth + 1 && !found.closest("thead"))
  .map((found) => `${found.tagName}.${found.className} ${found.textContent.trim().slice(0, 80)}`)
"""


def test_an_operator_watches_and_two_pause(
    chromium: Browser, stack: PrivateStack, stage: dict[str, str], staff: list[str]
) -> None:
    pages, complaints = [], []
    for key, size in zip(staff, SIZES.values(), strict=False):
        context = chromium.new_context(viewport=size, base_url=stack.base_url)
        context.set_default_timeout(20_000)
        context.add_cookies([{"name": "sessionid", "value": key, "url": stack.base_url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        pages.append(page)
    watcher, confirmer = pages
    expect.set_options(timeout=20_000)
    watcher.goto("/operator/dashboard/")
    expect(watcher.get_by_role("heading", name="Dashboard")).to_be_visible()
    shown = watcher.locator("live-pulse .card-head span", has_text="UTC").or_(
        watcher.locator("live-pulse .card-head span", has_text="open")
    )
    expect(shown.first).to_be_visible()
    watcher.evaluate("document.querySelector('live-pulse .tiles').dataset.old = '1'")
    expect(watcher.locator("live-pulse .tiles[data-old]")).to_have_count(0)
    expect(watcher.locator(".ops-groups tbody tr").first).to_be_visible()
    ask(watcher, "Pause")
    confirm(confirmer)
    expect(confirmer.locator(".banner-page")).to_contain_text("Deposits to venues: paused")
    for page in pages:
        page.goto("/operator/dashboard/")
        assert page.evaluate(TOO_WIDE) == []
    watcher.get_by_role("link", name="Switches").first.click()
    expect(watcher.get_by_text("The wallet is being looked at.").first).to_be_visible()
    ask(confirmer, "Resume")
    confirm(watcher)
    expect(watcher.locator(".badge", has_text="paused")).to_have_count(0)
    assert complaints == []


def confirm(page: Page) -> None:
    """The second of the two."""
    page.goto("/operator/switches/")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)


def ask(page: Page, move: str) -> None:
    """Fill the form; who asked is offered no button to confirm."""
    page.goto("/operator/switches/")
    page.get_by_label("Move").select_option(move)
    page.get_by_label("Reason").fill("The wallet is being looked at.")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("somebody else confirms")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
