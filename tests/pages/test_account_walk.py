"""Money out of the exchange and history out of it, in a real browser on a desk and on a phone."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser, expect

from exchange_os.demo.stack import PROJECT, PrivateStack

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"
ADDRESS = "0x" + "cd" * 20
MAKE = """
import sys, django
django.setup()
from exchange_os.demo.stage import claim_from_faucet, ensure_person
claim_from_faucet(ensure_person(sys.argv[1], sys.argv[2]), "USD", 1)
"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_withdraw_and_export(
    stack: PrivateStack, stage: dict[str, str], chromium: Browser, width: int, height: int
) -> None:
    email = f"owner{width}@test.example"
    subprocess.run(
        [sys.executable, "-c", MAKE, email, PASSWORD], cwd=PROJECT, env=stack.environment, check=True
    )
    context = chromium.new_context(viewport={"width": width, "height": height}, base_url=stack.base_url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/accounts/login/?next=/account/withdrawals/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.get_by_label("Address").fill(ADDRESS)
    page.get_by_label("Amount").fill("250")
    page.get_by_role("button", name="Withdraw").click()
    page.locator("[name=password]").fill(PASSWORD)  # the password once more, then it goes on by itself
    page.locator("[name=password]").press("Enter")
    row = page.locator("#withdrawals li.withdrawal").first
    expect(row).to_contain_text("250 USD")
    expect(row.locator(".badge")).to_have_text("Waiting")
    row.get_by_role("button", name=re.compile("Cancel")).click()
    expect(page.locator("#withdrawals .badge")).to_have_text("Cancelled")

    page.goto("/account/exports/")
    page.get_by_label("What to export").select_option("wallet")
    page.get_by_role("button", name="Export", exact=True).click()
    ready = page.get_by_role("link", name="Download")
    expect(ready).to_be_visible(timeout=30_000)  # shown by itself
    with page.expect_download() as found:
        ready.click()
    lines = found.value.path().read_text().splitlines()
    assert [line.split(",")[2:] for line in lines[1:]] == [
        ["Test funds", "100000", "USD", "100000"],
        ["Set aside for a withdrawal", "-250", "USD", "99750"],
        ["Withdrawal returned", "250", "USD", "100000"],
    ]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    context.close()
