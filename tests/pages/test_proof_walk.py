"""The proof of a balance, checked by the page's own script in Chromium: it finds what the kernel's package finds."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from exchange_kernel.proofs import check_proof
from playwright.sync_api import Browser, Page

from exchange_os.demo.stack import PROJECT
from exchange_os.transparency import merkle
from tests.transparency.test_merkle import SECRET, proof_of

ADDRESS = "http://localhost/proof.js"  # script may hash only where it came from a safe place
CHECK = """
(proof) => import("/proof.js").then((script) => script.check(proof)).catch((error) => `refused: ${error.message}`)
"""
REFUSED = "refused: the path does not lead to the published root"

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page that has the script and no server."""
    context = chromium.new_context()
    context.route(
        "http://localhost/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    context.route(
        ADDRESS,
        lambda route: route.fulfill(path=PROJECT / "static/js/proof.js", content_type="text/javascript"),
    )
    page = context.new_page()
    page.goto("http://localhost/")
    yield page
    context.close()


@pytest.fixture(scope="module")
def proof() -> dict[str, Any]:
    """The proof of one of five users, of sums that no double can hold, beside names that JSON escapes."""
    owed = {user: 2**61 + user for user in range(1, 6)}
    made = proof_of(merkle.build(SECRET, owed.items()), 3)
    made["statement"]["groups"] = [
        {"name": "Zürich \u007f \u2028 \U0001f3c6", "head": 7, "open": True, "end": None}
    ]
    return made


def test_the_page_finds_the_digest_that_the_package_finds(page: Page, proof: dict[str, Any]) -> None:
    assert len(proof["path"]) == 3
    assert page.evaluate(CHECK, proof) == check_proof(proof)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.update(units=str(int(proof["units"]) + 1)),
        lambda proof: proof.update(user=4),
        lambda proof: proof["path"].pop(),
        lambda proof: proof["path"][0].update(sum=str(int(proof["path"][0]["sum"]) - 1)),
        lambda proof: proof["path"][1].update(side="right" if proof["path"][1]["side"] == "left" else "left"),
        lambda proof: proof["statement"]["trees"].append(proof["statement"]["trees"][0]),
    ],
    ids=["more", "another-user", "short-path", "smaller-sum", "other-side", "two-trees"],
)  # fmt: skip
def test_a_proof_that_was_changed_is_refused(page: Page, proof: dict[str, Any], change: Change) -> None:
    wrong = copy.deepcopy(proof)
    change(wrong)
    assert page.evaluate(CHECK, wrong) == REFUSED


def test_a_negative_sum_hides_nothing(page: Page, proof: dict[str, Any]) -> None:
    wrong = copy.deepcopy(proof)
    wrong["path"][0]["sum"] = "-1"
    assert page.evaluate(CHECK, wrong) == "refused: a node of the path has a negative sum"


def test_another_statement_leads_to_another_digest(page: Page, proof: dict[str, Any]) -> None:
    wrong = copy.deepcopy(proof)
    wrong["statement"]["groups"][0]["head"] = 8
    assert page.evaluate(CHECK, wrong) not in (check_proof(proof), REFUSED)
