"""The launch wizard in a real browser: every template from its card to a venue that trades, and a launch on a phone."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PROJECT, PrivateStack
from tests.pages.screen import COUNT_SHIFTS, PASSWORD, SIZES
from tests.pages.test_axe_walk import faults
from venues.launch_templates import TEMPLATES
from venues.steps import KEYS

pytestmark = pytest.mark.browser
STEPS = ("You", "Stake", "Venue", "Assets", "Markets", "Prices", "Fees", "Launch")


@pytest.fixture(scope="module")
def people(stack: PrivateStack) -> dict[str, str]:
    """A deployer with stake, and somebody without anything."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.launch_stage"],
        cwd=PROJECT,
        env=stack.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return json.loads(done.stdout.splitlines()[-1])


def signed_in(
    chromium: Browser, stack: PrivateStack, size: str, email: str, bypass_csp: bool = False
) -> Iterator[Page]:
    """A page of somebody who has signed in, at the wizard's start; complaints of the browser fail the test."""
    context = chromium.new_context(
        viewport=SIZES[size], has_touch=size == "phone", is_mobile=size == "phone", base_url=stack.base_url,
        bypass_csp=bypass_csp,
    )  # fmt: skip
    context.set_default_timeout(20_000)
    context.add_init_script(COUNT_SHIFTS)
    expect.set_options(timeout=20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            complaints.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and answer.status != 422
            else None
        ),
    )
    page.goto("/accounts/login/?next=/launch/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Launch a venue")).to_be_visible()
    yield page
    context.close()
    assert complaints == [], stack.complaints()


@pytest.fixture(scope="module")
def desk(chromium: Browser, stack: PrivateStack, people: dict[str, str]) -> Iterator[Page]:
    """The deployer's desk."""
    yield from signed_in(chromium, stack, "desk", people["email"])


@pytest.fixture
def phone(chromium: Browser, stack: PrivateStack, people: dict[str, str]) -> Iterator[Page]:
    """The beginner's phone."""
    yield from signed_in(chromium, stack, "phone", people["newcomer"])


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_template_goes_from_its_card_to_trading(desk: Page, template) -> None:
    page = desk
    page.goto("/launch/")
    page.locator(f"[name=template][value={template.key}]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Launch {template.venue['name']}")
    page.locator("#steps").get_by_role("button", name="You").click()
    for step in STEPS[1:]:
        page.locator(".wizard-foot").get_by_role("button", name=step, exact=True).click()
        expect(page.locator("#steps [aria-current]")).to_contain_text(step)
        expect(page.locator("[role=alert], [data-state=wrong]")).to_have_count(0)
    page.get_by_role("button", name=f"Launch {template.venue['name']}").click()
    expect(page.get_by_role("link", name="Open the venue")).to_be_visible()
    page.get_by_role("link", name="Open the venue").click()
    expect(page.get_by_role("heading", name=template.venue["name"])).to_be_visible()


def test_every_step_is_accessible(chromium: Browser, stack: PrivateStack, people: dict[str, str]) -> None:
    for page in signed_in(chromium, stack, "phone", people["email"], bypass_csp=True):
        page.locator("[name=template][value=worldcup]").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Launch World Cup Desk")
        root, found = page.url.removesuffix("review/"), {}
        addresses = [*(f"{root}{key}/" for key in KEYS), *("/launch/", "/assets/", "/assets/BTC/")]
        for look in ("light.compact.green-red", "dark.comfortable.blue-orange"):
            page.context.add_cookies([{"name": "appearance", "value": look, "url": stack.base_url}])
            found |= {(address, look): faults(page, address) for address in addresses}
        assert {key: wrong for key, wrong in found.items() if wrong} == {}


def test_a_beginner_launches_on_a_phone(phone: Page) -> None:
    page = phone
    page.get_by_role("button", name="From nothing").click()
    page.get_by_label("Deployer name").fill("Pocket Labs")
    page.get_by_role("button", name="Stake", exact=True).last.click()
    page.get_by_role("button", name="Get test OKB").click()
    page.locator(".card").get_by_role("button", name="Stake", exact=True).click()
    expect(page.get_by_role("heading", name="Enough at stake")).to_be_visible()
    page.locator(".wizard-foot").get_by_role("button", name="Venue").click()
    page.get_by_label("Name", exact=True).fill("Pocket Exchange")
    page.get_by_label("Address").fill("admin")
    expect(page.locator("#f-slug-note")).to_contain_text("The address admin is reserved")
    page.get_by_label("Address").fill("pocket")
    expect(page.locator("#checked")).to_contain_text("Draft saved")
    page.locator("#steps").get_by_role("button", name="Markets").click()
    page.get_by_role("button", name="Perpetual").click()
    page.get_by_label("Underlying").select_option("BTC")
    page.get_by_label("Opening price").fill("65000")
    page.locator(".wizard-foot").get_by_role("button", name="Prices").click()
    sources = page.get_by_label("Price sources")
    sources.fill("http https://127.0.0.1/price /p")
    page.get_by_role("button", name="Fetch now").click()
    expect(page.locator(".trial")).to_contain_text("is not on the public internet")
    sources.fill(f"push {'A' * 43}=")
    page.locator(".wizard-foot").get_by_role("button", name="Fees").click()
    expect(page.locator("#reckoned")).to_contain_text("0.63 USD")
    page.get_by_label("Taker fee").fill("0.1")
    expect(page.locator("#reckoned")).to_contain_text("1.08 USD")
    page.locator(".wizard-foot").get_by_role("button", name="Launch").click()
    expect(page.locator("main")).to_contain_text("All prices of BTC-USD-SWAP are pushed by you")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.get_by_role("button", name="Launch Pocket Exchange").click()
    expect(page.get_by_role("link", name="Open the venue")).to_be_visible()
