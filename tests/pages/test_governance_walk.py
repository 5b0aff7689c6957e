"""A case in real browsers: found by a detector, answered, voted on with a code and a passkey, appealed, executed."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from exchange_os.demo.stack import PROJECT, PrivateStack
from tests.pages.screen import SIZES
from tests.pages.test_second_factor_walk import AUTHENTICATOR, TOTP_SECONDS, fits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Open = Callable[..., Page]


def run_stage(stack: PrivateStack, *arguments: str) -> str:
    """Run the stage of governance in a process of its own; what it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.governance_stage", *arguments],
        cwd=PROJECT, env=stack.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return done.stdout.splitlines()[-1]


@pytest.fixture
def as_person(chromium: Browser, stack: PrivateStack, court: dict[str, Any]) -> Iterator[tuple[dict, Open]]:
    """The stage, and a browser for each person on it; at the end none has complained."""
    stage = court
    base = stack.base_url.replace("127.0.0.1", "localhost")
    complaints: list[str] = []
    pages: dict[str, Page] = {}

    def opened(name: str, size: str = "desk") -> Page:
        if name not in pages:
            context = chromium.new_context(viewport=SIZES[size], base_url=base)
            context.set_default_timeout(20_000)
            if name:
                context.add_cookies([{"name": "sessionid", "value": stage["sessions"][name], "url": base}])
            page = pages[name] = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda note: complaints.append(note.text) if note.type == "error" else None)
        pages[name].goto(f"/governance/{stage['case']}/" if "case" in stage else "/governance/incidents/")
        return pages[name]

    expect.set_options(timeout=20_000)
    yield stage, opened
    for page in pages.values():
        page.context.close()
    assert complaints == []


def fill_ballot(page: Page, share: str) -> None:
    """For, with a share and reasons; the confirmation shows the digest of the page."""
    digest = page.locator(".digest code").first.inner_text()
    page.locator("input[name=choice][value=approve]").check()
    page.get_by_label("Share to slash, if for").fill(share)
    page.get_by_label("Your reasons, published when the vote ends").fill("The finding replays to the unit.")
    page.get_by_role("button", name="Look at it and confirm").click()
    expect(page.get_by_role("heading", name="Confirm your vote")).to_be_visible()
    assert page.locator(".digest code").inner_text() == digest
    assert fits(page)


def vote_by_code(page: Page, share: str, secret: str) -> None:
    fill_ballot(page, share)
    page.get_by_label("Code of your authenticator app").fill(
        format_hotp_value(hotp_value(secret, int(time.time()) // TOTP_SECONDS))
    )
    page.get_by_role("button", name="Cast the vote").click()
    expect(
        page.locator(".toast", has_text="Your vote is cast and sealed until the vote ends.")
    ).to_be_visible()


def enrol_passkey(page: Page, password: str) -> None:
    driver = page.context.new_cdp_session(page)
    driver.send("WebAuthn.enable")
    driver.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(password)
    page.locator("main").get_by_role("button", name="Confirm").click()
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Unused codes")).to_be_visible()


def test_a_case_from_draft_to_executed_slash(as_person: tuple[dict, Open], stack: PrivateStack) -> None:
    stage, opened = as_person
    ada = opened("ada")
    ada.locator("#found li", has_text="Harbour Exchange").get_by_role("button", name="Draft a case").click()
    expect(ada.get_by_role("button", name="Open the case")).to_be_visible()
    case = stage["case"] = ada.url.strip("/").rsplit("/", 1)[1]
    ada.get_by_role("button", name="Replay now").click()
    expect(ada.get_by_text("The same finding, replayed just now")).to_be_visible()
    ada.get_by_role("button", name="Open the case").click()
    expect(ada.locator(".toast", has_text="The text is frozen")).to_be_visible()

    deployer = opened("deployer", "phone")
    deployer.get_by_label("Your reply, published beside what is said").fill("It was a hedge of ours.")
    deployer.get_by_role("button", name="Publish the reply").click()
    expect(deployer.get_by_text("It was a hedge of ours.")).to_be_visible()
    assert fits(deployer)
    assert run_stage(stack, "pass", case) == "voting"

    cleo = opened("cleo")
    expect(cleo.get_by_text("You do not judge this")).to_be_visible()
    expect(cleo.get_by_text("Has a balance at this venue.").first).to_be_visible()
    expect(cleo.locator("#ballot")).to_have_count(0)

    vote_by_code(opened("ada"), "40", stage["secret"])
    ben = opened("ben", "phone")
    enrol_passkey(ben, stage["password"])
    ben = opened("ben")
    fill_ballot(ben, "30")
    ben.get_by_role("button", name="Sign with a passkey").click()
    expect(ben.get_by_text("Signed with a passkey")).to_be_visible()
    anyone = opened("")
    expect(anyone.get_by_text("Voted, sealed")).to_have_count(2)
    expect(anyone.locator("#standing")).not_to_contain_text("The finding replays to the unit.")
    assert run_stage(stack, "pass", case) == "locked"
    expect(opened("").get_by_text("The finding replays to the unit.").first).to_be_visible()

    deployer = opened("deployer")
    deployer.get_by_label("On which grounds").fill("Both orders were ours by mistake.")
    deployer.get_by_role("button", name="Appeal", exact=True).click()
    expect(deployer.get_by_role("heading", name="Panel after the appeal")).to_be_visible()
    expect(opened("ada").locator("#ballot")).to_have_count(0)
    vote_by_code(opened("dora"), "25", stage["secret"])
    vote_by_code(opened("emil", "phone"), "20", stage["secret"])
    assert run_stage(stack, "pass", case) == "locked"
    assert run_stage(stack, "pass", case) == "executed"

    anyone = opened("")
    expect(anyone.locator(".case-head").get_by_text("Executed")).to_be_visible()
    expect(anyone.get_by_role("columnheader", name="Executed")).to_contain_text("20%")
    expect(anyone.locator("#effect tr", has_text="Slashed, OKB")).to_contain_text("−200")
    expect(anyone.locator("#effect tr", has_text="364.08 USD")).to_contain_text("7.585")
    harmed = opened("harmed")
    harmed.goto("/account/notifications/")
    expect(harmed.get_by_text(f"You were paid 7.585 OKB for your loss in case {case}.")).to_be_visible()
