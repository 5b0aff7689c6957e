"""The deployer's console in a real browser: a change tried and announced, a colleague who halts, what is told."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PROJECT, PrivateStack

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"
MAKE = """
import sys, django
django.setup()
from django.contrib.auth import get_user_model
from exchange_os.demo.stage import ensure_person
from venues.models import Venue
colleague = ensure_person("colleague@test.example", sys.argv[2])
owner = get_user_model().objects.get(email="deployer@test.example")
owner.set_password(sys.argv[2])
owner.save()
print(Venue.objects.get(slug=sys.argv[1]).pk)
"""


def sign_in(page: Page, email: str, path: str) -> None:
    page.goto(f"/accounts/login/?next={path}")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page).to_have_url(re.compile(re.escape(path)))


def test_a_team_runs_its_venue(stack: PrivateStack, stage: dict[str, str], chromium: Browser) -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE, stage["venue"], PASSWORD],
        cwd=PROJECT, env=stack.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    console = f"/deployer/venues/{made.stdout.split()[-1]}/"
    contexts = [
        chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=stack.base_url)
        for _ in range(2)
    ]
    owner, colleague = (context.new_page() for context in contexts)
    complaints: list[str] = []
    for page in (owner, colleague):
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    sign_in(owner, "deployer@test.example", console)
    expect(owner.locator(".tile").filter(has_text="Volume, 24 h")).to_be_visible()
    expect(owner.locator(".health tbody tr").first).to_contain_text("BTC-USD")

    owner.locator(".console-tabs").get_by_role("link", name="Changes").click()
    owner.get_by_role("link", name="BTC-USD").first.click()
    owner.get_by_label("Price band").fill("99")
    owner.get_by_role("button", name="Show the change").click()
    expect(owner.locator(".error")).to_contain_text("0.1% to 50%")
    owner.get_by_label("Price band").fill("2")
    owner.get_by_role("button", name="Show the change").click()
    expect(owner.locator("ins").first).to_have_text("2%")
    owner.get_by_role("button", name="Try it on the history").click()
    expect(owner.locator("#trial")).to_contain_text("Orders and commands refused", timeout=40_000)
    owner.get_by_label("Why, in words").fill("The book has become deeper.")
    owner.get_by_role("button", name="Announce").click()
    expect(owner.get_by_text("Announced: in force from")).to_be_visible()

    owner.locator(".console-tabs").get_by_role("link", name="Team").click()
    owner.get_by_label("E-mail address").fill("colleague@test.example")
    owner.get_by_label("Role").select_option("halter")
    owner.get_by_role("button", name="Invite", exact=True).click()
    link = owner.locator(".key-made code").inner_text()
    sign_in(colleague, "colleague@test.example", link.removeprefix(stack.base_url))
    colleague.get_by_role("button", name="Accept").click()
    tabs = colleague.locator(".console-tabs")
    expect(tabs.get_by_role("link", name="Markets")).to_be_visible()
    expect(tabs.get_by_role("link", name="Settings")).to_have_count(0)
    tabs.get_by_role("link", name="Markets").click()
    colleague.get_by_role("button", name="Halt the venue").click()
    colleague.get_by_label("Why, in words that traders can read").fill("The price feed is wrong.")
    colleague.locator("dialog").get_by_role("button", name="Halt", exact=True).click()
    expect(colleague.get_by_text("The halt ends by itself")).to_be_visible()

    owner.goto(f"/v/{stage['venue']}/")
    expect(owner.get_by_text("The price feed is wrong.")).to_be_visible()
    expect(owner.get_by_text("Rules of BTC-USD will change")).to_be_visible()
    colleague.get_by_role("button", name="Resume trading").click()
    expect(colleague.get_by_text("trades again")).to_be_visible()
    owner.goto(f"{console}audit/?q=feed")
    expect(owner.locator(".audit tbody tr")).to_have_count(1)

    owner.goto(f"{console}embed/")
    expect(owner.frame_locator("iframe").locator(".embed-last")).to_be_visible()
    owner.set_viewport_size({"width": 390, "height": 844})
    for tab in ("", "markets/", "changes/", "team/", "audit/", "embed/", "api/", "settings/"):
        owner.goto(console + tab)
        assert owner.evaluate("document.documentElement.scrollWidth") <= 390, tab
    assert complaints == []
    for context in contexts:
        context.close()
