"""The operator's pages in a browser: figures that move, also under load, and a pause that two people bring about."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PROJECT, PrivateStack
from tests.operations.load import RATE
from tests.pages.screen import SIZES, errors_of

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


@pytest.fixture
def load(stack: PrivateStack) -> Iterator["subprocess.Popen[str]"]:
    """A steady load on a group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.operations.load"], cwd=PROJECT, env=stack.environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


# The figures of one group's row, if they are those of a window that the load filled.
FILLED = """
(group) => {
  const row = [...document.querySelectorAll(".ops-groups tbody tr")]
    .find((found) => found.querySelector(".ops-name").textContent.includes(`group ${group}`));
  const told = (label) => Number(row?.querySelector(`[data-label="${label}"]`).textContent.replaceAll(/[^0-9.]/g, ""));
  const rate = told("Commands/s");
  return rate > 0.6 * RATE && rate < 1.4 * RATE ? [rate, told("Journal head")] : null;
}
""".replace("RATE", str(RATE))


def test_the_dashboard_follows_a_steady_load(
    chromium: Browser,
    stack: PrivateStack,
    stage: dict[str, str],
    staff: list[str],
    load: "subprocess.Popen[str]",
) -> None:
    assert load.stdin is not None
    assert load.stdout is not None
    group = load.stdout.readline().strip()
    context = chromium.new_context(viewport=SIZES["desk"], base_url=stack.base_url)
    context.set_default_timeout(30_000)
    context.add_cookies([{"name": "sessionid", "value": staff[0], "url": stack.base_url}])
    terminal, page = context.new_page(), context.new_page()
    lost: list[str] = []
    asked: list[str] = []  # what is pushed need not be asked for
    page.on("request", lambda sent: asked.append(sent.url) if "/dashboard/live/" in sent.url else None)
    for each in (terminal, page):
        each.on("websocket", lambda socket: socket.on("close", lambda closed: lost.append(closed.url)))
    complaints = [errors_of(terminal), errors_of(page)]
    terminal.goto(f"/v/{stage['venue']}/trade/{stage['symbol']}/")
    expect(terminal.locator("[data-link][data-state=live]").first).to_be_attached()
    page.goto(f"/operator/dashboard/?q={group}")
    rate, head = page.wait_for_function(FILLED, arg=group).json_value()
    page.wait_for_function(f"(at) => ({FILLED})(at[0])?.[1] > at[1]", arg=[group, head])
    sockets = page.locator(".tile", has_text="Sockets").locator(".tile-figure")
    assert int(sockets.inner_text()) >= 2
    assert (lost, asked, complaints) == ([], [], [[], []])
    load.stdin.close()
    told = json.loads(load.stdout.readline())
    assert 0.6 * told["rate"] < rate < 1.6 * told["rate"]
    ended = page.locator(".ops-groups tbody tr", has_text=f"group {group}").locator(
        "[data-label='Journal head']"
    )
    expect(ended).to_have_text(f"{told['sent']:,}", timeout=20_000)


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
