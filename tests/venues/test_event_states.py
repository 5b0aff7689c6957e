"""The page of an event in each state, and the challenge of its result from there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client

from tests.trading.test_contract_pages import words
from tests.venues.conftest import give
from tests.venues.test_contract_specs import EVENT
from tests.venues.test_events import SEEN, listed, passed
from venues.models import PPM, Event, EventState, Venue
from venues.services import close_event, follow_events, propose_result, propose_void

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "The airport reports 0 mm for that day."


def shown(browser: Client, event: Event) -> str:
    """The words of the page."""
    answer = browser.get(f"/v/north/event/{event.code}/")
    assert answer.status_code == 200
    return words(answer.content.decode())


def test_a_page_tells_where_the_event_stands(
    venue: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser, signed_in: Callable[..., Client]
) -> None:
    browser = signed_in(trader)
    event = listed(deployer, venue, EVENT)
    text = shown(browser, event)
    for part in (
        "Trading closes",
        "Result proposed by North Labs",
        "Contracts are paid",
        "You have nothing at this venue",
    ):
        assert part in text, part
    assert "Dispute it" not in text
    event = close_event(deployer, event)
    assert "Trading has ended" in shown(browser, event)
    event = propose_result(deployer, event, {0: PPM}, SEEN)
    text = shown(browser, event)
    for part in ("Proposed: Yes", SEEN, "This result is wrong? Dispute it", "Time to challenge ends"):
        assert part in text, part
    assert words(browser.get(f"/v/north/event/{event.code}/way/").content.decode()) in text
    passed(event)
    follow_events()
    text = shown(browser, event)
    assert "Result: Yes" in text
    assert "Dispute it" not in text
    assert "100¢" in text


def test_a_dispute_from_the_page(
    venue: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser, signed_in: Callable[..., Client]
) -> None:
    give(trader, "100", "OKB")
    event = propose_result(deployer, listed(deployer, venue, EVENT), {0: PPM}, SEEN)
    address, htmx = f"/v/north/event/{event.code}/dispute/", {"HX-Request": "true"}
    assert Client().post(address, {"reason": REASON, "source": SEEN}).status_code == 302
    browser = signed_in(trader)
    for form, sentence in (
        ({"outcome": "1", "reason": "no", "source": SEEN}, "Say in 10 to 500 characters what is wrong"),
        ({"outcome": "1", "reason": REASON}, "Say in 4 to 300 characters where this can be checked"),
        (
            {"outcome": "1", "reason": "x" * 5_000, "source": SEEN},
            "Say in 10 to 500 characters what is wrong",
        ),
        ({"reason": REASON, "source": SEEN}, "Choose the outcome that happened"),
    ):
        answer = browser.post(address, form, headers=htmx)
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        assert 'aria-invalid="true"' in answer.content.decode()
        event.refresh_from_db()
        assert (event.state, event.dispute) == (EventState.PROPOSED, "")
    form = {"outcome": "1", "reason": f"<b>{REASON}</b>", "source": SEEN}
    answer = browser.post(address, form, headers=htmx)
    assert answer.status_code == 200
    assert "&lt;b&gt;The airport" in answer.content.decode()
    text = shown(browser, event)
    assert "Result disputed" in text
    assert "by a trader" in text
    assert "A panel without holders judges" in text
    assert "Says: No" in text
    assert "Bond 100 OKB against 100 OKB of the proposer" in text
    answer = browser.post(address, form, headers=htmx)
    assert answer.status_code == 422, "once is enough"


def test_a_void_and_a_number_in_a_range_are_told(
    venue: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser, signed_in: Callable[..., Client]
) -> None:
    browser = signed_in(trader)
    goals = {**EVENT, "event_kind": "scalar", "series": "goals", "low": "0", "high": "10", "measure": "goals"}
    event = listed(deployer, venue, goals)
    text = shown(browser, event)
    assert "Expected: 5 goals" in text
    assert "A price of 0¢ stands for 0, of 100¢ for 10 goals" in text
    assert "Higher" in text
    event = propose_void(deployer, event, SEEN)
    passed(event)
    follow_events()
    assert "No result: the last fair prices are paid" in shown(browser, event)
