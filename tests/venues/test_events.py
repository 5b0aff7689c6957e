"""Events from the form to the payment: listed, closed, proposed, disputed, corrected, paid, void."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import exchange_kernel as kernel
import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Pause, Transfer, TransferState
from exchange_os.ledger.selectors import to_units
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import wait_until
from tests.venues.conftest import give
from tests.venues.test_contract_specs import EVENT, TEAMS
from venues.event_specs import event_spec
from venues.models import PPM, Event, EventState, Market, Phase, Venue, VenueState
from venues.services import (
    add_market,
    add_outcome,
    close_event,
    drive_launch,
    follow_events,
    halt_venue,
    open_dispute,
    propose_result,
    propose_void,
    resume_venue,
    start_deposit,
)
from venues.services.events import finalise
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db(transaction=True)

SEEN = "https://example.com/rome shows 4 mm"
MAKER, TAKER = 16, 17


def listed(deployer: AbstractBaseUser, venue: Venue, data: dict[str, str]) -> Event:
    """The event on the venue, trading."""
    add_market(deployer, venue, event_spec(data))
    assert drive_launch(venue.pk) == VenueState.OPEN
    return Event.objects.get(venue=venue)


def passed(event: Event) -> None:
    """The event's window is over."""
    over = timezone.now() - timedelta(seconds=event.window_seconds + 1)
    Event.objects.filter(pk=event.pk).update(proposed=over)


def cash(venue: Venue, account: int) -> int:
    """Units of the settlement asset an account has."""
    usd = Asset.objects.get(symbol="USD").pk
    answer = client.query(venue.group_id, {"q": "account", "account": account})
    return next(item["total"] for item in answer["balances"] if item["asset"] == usd)


def paid(venue: Venue, taker: int, maker: int) -> None:
    """The kernel pays by steps; in the end the two have this much."""
    wait_until(lambda: (cash(venue, TAKER), cash(venue, MAKER)) == (taker, maker))


@pytest.fixture
def funded(venue: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser) -> Venue:
    """Two accounts with 100 USD each."""
    usd = Asset.objects.get(symbol="USD")
    for number, user in ((MAKER, deployer), (TAKER, trader)):
        client.submit(venue.group_id, kernel.open_account(number, owner=number))
        give(user, "100", "USD")
        transfer = start_deposit(user, venue, number, usd, to_units("100", usd))
        wait_until(lambda pk=transfer.pk: Transfer.objects.get(pk=pk).state == TransferState.SETTLED)  # type: ignore[misc]
    return venue


def trade(venue: Venue, market: Market, ticks: int, lots: int) -> None:
    """The taker buys from the maker."""
    for account, side in ((MAKER, kernel.SELL), (TAKER, kernel.BUY)):
        frame = kernel.place(account, market.number, side=side, price_ticks=ticks, size_lots=lots)
        assert client.submit(venue.group_id, frame).code == 0


def test_a_binary_event_is_listed_with_one_market(deployer: AbstractBaseUser, venue: Venue) -> None:
    event = listed(deployer, venue, EVENT)
    market = event.markets.get()
    assert (event.state, event.number, market.phase) == (EventState.OPEN, 0, Phase.OPEN)
    known = client.query(venue.group_id, {"q": "event", "event": 0})["event"]
    assert (known["one_book"], known["outcome_count"], known["payout_ticks"]) == (True, 2, 100)
    assert known["close_ms"] == round(event.closes.timestamp() * 1000)


def test_every_outcome_of_several_has_its_market(deployer: AbstractBaseUser, venue: Venue) -> None:
    event = listed(deployer, venue, TEAMS)
    names = list(event.markets.order_by("outcome").values_list("outcome_name", flat=True))
    assert names == ["Argentina", "France", "P", "Any other"]
    known = client.query(venue.group_id, {"q": "event", "event": 0})["event"]
    assert [row["market"] for row in known["outcomes"]] == [1, 2, 3, 4]
    assert known["fallback"] == 3


def test_a_result_is_paid_when_its_window_has_passed(funded: Venue, deployer: AbstractBaseUser) -> None:
    event = listed(deployer, funded, {**EVENT, "maker_fee_percent": "0", "taker_fee_percent": "0"})
    trade(funded, event.markets.get(), 60, 10)
    event = propose_result(deployer, event, {0: PPM}, SEEN)
    assert (event.state, event.payouts) == (EventState.PROPOSED, {"0": PPM, "1": 0})
    assert follow_events() in (0, 1), "only phases may have moved"
    event.refresh_from_db()
    assert event.state == EventState.PROPOSED
    passed(event)
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.RESOLVED
    assert event.resolved is not None
    # Ten bought at 0.60 paid 6 and bring 10.
    paid(funded, 104_000_000, 96_000_000)
    wait_until(lambda: follow_events() == 0 and event.markets.get().phase == Phase.SETTLED)
    assert not check_ledger(kernel_totals).faults


def test_a_result_waits_while_settlement_is_paused(funded: Venue, deployer: AbstractBaseUser) -> None:
    event = propose_result(deployer, close_event(deployer, listed(deployer, funded, EVENT)), {0: PPM}, SEEN)
    passed(event)
    why = "A feed of results is being looked at."
    pause = Pause.objects.create(
        function="settle", group_id=funded.group_id, reason=why, since=timezone.now()
    )
    with pytest.raises(DomainError) as refused:
        finalise(event)
    assert refused.value.code == "paused"
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.PROPOSED
    pause.delete()
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.RESOLVED


def test_a_result_is_corrected_inside_its_window(
    funded: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser
) -> None:
    give(trader, "100", "OKB")
    event = listed(deployer, funded, {**EVENT, "maker_fee_percent": "0", "taker_fee_percent": "0"})
    trade(funded, event.markets.get(), 60, 10)
    event = propose_result(deployer, event, {0: PPM}, SEEN)
    open_dispute(trader, event, "The airport reports 0 mm for that day.", SEEN, {1: PPM})
    passed(event)
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.DISPUTED, "what is disputed is not paid"
    event = propose_result(deployer, event, {1: PPM}, "https://example.com/rome corrected")
    passed(event)
    follow_events()
    event.refresh_from_db()
    assert (event.state, event.payouts, event.dispute) == (EventState.RESOLVED, {"0": 0, "1": PPM}, "")
    paid(funded, 94_000_000, 106_000_000)


def test_a_void_pays_the_last_fair_prices(funded: Venue, deployer: AbstractBaseUser) -> None:
    event = listed(deployer, funded, {**EVENT, "maker_fee_percent": "0", "taker_fee_percent": "0"})
    trade(funded, event.markets.get(), 60, 10)
    event = propose_void(deployer, event, "The station burned down.")
    assert (event.state, event.voiding, event.payouts) == (
        EventState.PROPOSED,
        True,
        {"0": 600_000, "1": 400_000},
    )
    passed(event)
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.VOID
    paid(funded, 100_000_000, 100_000_000)


def test_trading_closes_in_time_and_by_hand(deployer: AbstractBaseUser, venue: Venue) -> None:
    event = listed(deployer, venue, EVENT)
    Event.objects.filter(pk=event.pk).update(closes=timezone.now())
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.CLOSED
    with pytest.raises(DomainError) as refused:
        close_event(deployer, event)
    assert refused.value.code == "event_move_refused"


def test_an_outcome_comes_late_out_of_the_fallback(
    funded: Venue, deployer: AbstractBaseUser, signed_in: Callable[[AbstractBaseUser], Client]
) -> None:
    free = {"maker_fee_percent": "0", "taker_fee_percent": "0"}
    event = listed(deployer, funded, {**TEAMS, **free})
    trade(funded, event.markets.get(outcome_name="Any other"), 20, 10)
    visitor = signed_in(deployer)
    address = f"/deployer/venues/{funded.pk}/events/{event.pk}/outcome/"
    assert visitor.post(address, {"outcome_name": "Morocco"}).status_code == 302
    wait_until(lambda: settled_drive(funded))
    late = event.markets.get(outcome_name="Morocco")
    assert (late.outcome, late.phase, late.symbol.endswith("-MOROCCO")) == (4, Phase.OPEN, True)
    phases = {m["market"]: m["phase"] for m in client.query(funded.group_id, {"q": "markets"})["markets"]}
    assert set(phases.values()) == {Phase.OPEN}, "the fallback trades again"
    # Who held ten of the fallback holds ten of the new outcome too.
    propose_result(deployer, event, {4: PPM}, SEEN)
    passed(event)
    follow_events()
    paid(funded, 108_000_000, 92_000_000)
    for name in ("Morocco", "…"):
        with pytest.raises(DomainError):
            add_outcome(deployer, event, name)


def settled_drive(venue: Venue) -> bool:
    """Whether nothing is opening any more; drives once."""
    with suppress(DomainError):
        drive_launch(venue.pk)
    return not venue.markets.filter(phase=Phase.PENDING).exists()


def test_a_venue_is_halted_around_an_event_that_is_over(deployer: AbstractBaseUser, venue: Venue) -> None:
    event = listed(deployer, venue, EVENT)
    close_event(deployer, event)
    assert halt_venue(deployer, venue).state == VenueState.HALTED
    assert resume_venue(deployer, venue).state == VenueState.OPEN
    follow_events()
    assert event.markets.get().phase == Phase.CLOSING


def test_wrong_results_are_refused(
    deployer: AbstractBaseUser, trader: AbstractBaseUser, venue: Venue
) -> None:
    event = listed(deployer, venue, TEAMS)
    for payouts in ({}, {0: 500_000}, {0: PPM, 1: PPM}, {9: PPM}, {0: 999_999, 1: 1}, {0: -PPM, 1: 2 * PPM}):
        with pytest.raises(DomainError) as refused:
            propose_result(deployer, event, payouts, SEEN)
        assert refused.value.code == "payouts_invalid"
    with pytest.raises(DomainError, match="where the result can be seen"):
        propose_result(deployer, event, {0: PPM}, "seen")
    with pytest.raises(DomainError) as refused:
        propose_result(trader, event, {0: PPM}, SEEN)
    assert refused.value.code == "event_unknown"
    event.refresh_from_db()
    assert event.state == EventState.OPEN
    shared = propose_result(deployer, event, {0: 500_000, 1: 500_000}, SEEN)
    assert shared.state == EventState.PROPOSED


def test_the_page_ends_an_event(
    signed_in: Callable[[AbstractBaseUser], Client],
    deployer: AbstractBaseUser,
    trader: AbstractBaseUser,
    venue: Venue,
) -> None:
    event = listed(deployer, venue, EVENT)
    address = f"/deployer/venues/{event.venue_id}/events/{event.pk}/"
    assert signed_in(trader).get(address).status_code == 404
    visitor = signed_in(deployer)
    page = visitor.get(address).content.decode()
    assert all(line in page for line in event.rules.splitlines())
    assert "Propose the result" in page
    refused = visitor.post(f"{address}resolve/", {"outcome": "0", "evidence": ""})
    assert refused.status_code == 422
    assert "where the result can be seen" in refused.content.decode()
    assert visitor.post(f"{address}close/").status_code == 302
    assert visitor.post(f"{address}resolve/", {"outcome": "1", "evidence": SEEN}).status_code == 302
    event.refresh_from_db()
    assert (event.state, event.payouts) == (EventState.PROPOSED, {"0": 0, "1": PPM})
    assert "Correct the result" in visitor.get(address).content.decode()
    typed: dict[str, Any] = {"evidence": "Nobody knows what happened."}
    assert visitor.post(f"{address}void/", typed).status_code == 302
    event.refresh_from_db()
    assert event.voiding


def test_every_move_of_an_event_is_kept_with_who_made_it(
    funded: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser
) -> None:
    event = propose_result(deployer, listed(deployer, funded, EVENT), {0: PPM}, SEEN)
    with pytest.raises(DomainError, match="where this can be checked"):
        open_dispute(trader, event, "The airport reports 0 mm for that day.", "", {1: PPM})
    with pytest.raises(DomainError, match="what is wrong"):
        open_dispute(trader, event, "wrong", SEEN, {1: PPM})
    give(trader, "100", "OKB")
    event = open_dispute(trader, event, "The airport reports 0 mm for that day.", SEEN, {1: PPM}).event
    event = propose_result(deployer, event, {1: PPM}, "https://example.com/rome corrected")
    passed(event)
    follow_events()
    moves = [(move.state, move.by, move.words, move.source) for move in event.moves.select_related("by")]
    assert moves == [
        ("proposed", deployer, SEEN, ""),
        ("disputed", trader, "The airport reports 0 mm for that day.", SEEN),
        ("proposed", deployer, "https://example.com/rome corrected", ""),
        ("resolved", None, "", ""),
    ]
    assert event.moves.first().payouts == {"0": PPM, "1": 0}
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
        event.moves.update(words="")


def test_a_result_cannot_be_disputed_after_its_window(
    funded: Venue, deployer: AbstractBaseUser, trader: AbstractBaseUser
) -> None:
    event = propose_result(deployer, listed(deployer, funded, EVENT), {0: PPM}, SEEN)
    passed(event)
    with pytest.raises(DomainError, match="has passed"):
        open_dispute(trader, event, "The airport reports 0 mm for that day.", SEEN, {1: PPM})
    event.refresh_from_db()
    assert (event.state, event.moves.count()) == (EventState.PROPOSED, 1)
