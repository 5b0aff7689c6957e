"""Every page passes axe's rules of WCAG 2.1 AA, in Chromium.

Looks and sizes are paired, not crossed: each theme, palette, density and size occurs with every page of its round. The
pages of those who run something are many and made of the same parts: each is looked at in one round.
"""

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from exchange_os.demo.stack import PrivateStack

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
ROUNDS = [
    ("dark.comfortable.green-red", 1440),
    ("light.compact.green-red", 1440),
    ("light.comfortable.blue-orange", 390),
    ("dark.compact.blue-orange", 390),
]
PUBLIC = [
    "/",
    "/?q=nothing",
    "/style",
    "/v/globe/",
    "/v/globe/reports/",
    *(
        f"/v/globe/reports/{name}/"
        for name in ("insurance", "liquidations", "deleveraging", "funding", "disputes")
    ),
    "/v/globe/trade/BTC-USD/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/signup/passkey/",
    "/accounts/wallet/sign-in/",
    "/v/globe/api/",
    "/governance/",
    "/governance/register/",
    "/governance/committee/",
    "/nowhere",
]
PRIVATE = [
    "/v/globe/trade/BTC-USD/",
    "/wallet/",
    "/launch/",
    "/account/",
    "/account/history/",
    "/account/notifications/",
    "/account/keys/?preset=agent",
    "/account/security/",
    "/governance/new/",
]
CONSOLE = (
    "", "markets/", "markets/new/", "events/", "changes/", "changes/new/0/", "oracles/", "revenue/", "schedule/",
    "access/", "compliance/", "fronts/", "team/", "audit/", "embed/", "api/", "settings/",
)  # fmt: skip
#: Who looks, and at what.
DESKS = [
    *(("owner", f"/deployer/venues/{{console}}/{tab}") for tab in CONSOLE),
    ("owner", "/deployer/"),
    ("owner", "/deployer/stake/"),
    ("officer", "/deployer/venues/{desk}/access/"),
    ("officer", "/deployer/venues/{desk}/compliance/?state=decided"),
    ("officer", "/deployer/venues/{desk}/compliance/{reviewed}/"),
    *(
        ("member", f"/governance/{place}")
        for place in (
            "",
            "{drafted}/",
            "proposals/",
            "proposals/new/",
            "incidents/",
            "parameters/",
            "committee/",
        )
    ),
    *(("staff", f"/operator/{name}/") for name in ("dashboard", "switches", "support", "audit", "runbook")),
]


@pytest.fixture(scope="package")
def desks(
    stage: dict[str, str], kyc: dict[str, Any], court: dict[str, Any], staff: list[str]
) -> list[tuple[str, str]]:
    """Session and address of every page of those who run something."""
    sessions = {
        "owner": stage["owner"],
        "officer": kyc["officer"],
        "member": court["sessions"]["ada"],
        "staff": staff[0],
    }
    places = {
        "console": stage["console"],
        "desk": kyc["venue_id"],
        "reviewed": kyc["case"],
        "drafted": court["drafted"],
    }
    return [(sessions[who], path.format(**places)) for who, path in DESKS]


def faults(page: Page, address: str) -> list[str]:
    """What axe says of the page at ``address``, as rule and place; and whether it is wider than its screen."""
    page.goto(address)
    page.evaluate(AXE)
    found = [
        f"{rule['id']}: {node['target'][0]}"
        for rule in page.evaluate(RULES)["violations"]
        for node in rule["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    return found


@pytest.mark.browser
@pytest.mark.timeout(300)  # the first round sets every stage
@pytest.mark.parametrize(("look", "width"), ROUNDS)
def test_pages_are_accessible(
    chromium: Browser,
    stack: PrivateStack,
    stage: dict[str, str],
    desks: list[tuple[str, str]],
    look: str,
    width: int,
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 844}, bypass_csp=True)
    context.add_cookies([{"name": "appearance", "value": look, "url": stack.base_url}])
    page = context.new_page()
    found = {path: faults(page, stack.base_url + path) for path in PUBLIC}
    page.goto(f"{stack.base_url}/accounts/signup/")
    page.get_by_label("Email").fill(f"axe-{look}-{width}@test.example")
    page.get_by_label("Password").fill("a long enough password")
    page.locator("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url(f"{stack.base_url}/")
    found |= {f"{path} (signed in)": faults(page, stack.base_url + path) for path in PRIVATE}
    assert page.evaluate("document.documentElement.dataset.theme") == look.split(".")[0]
    for session, path in desks[ROUNDS.index((look, width)) :: len(ROUNDS)]:
        context.add_cookies([{"name": "sessionid", "value": session, "url": stack.base_url}])
        found[path] = faults(page, stack.base_url + path)
    context.close()
    assert {path: said for path, said in found.items() if said} == {}
