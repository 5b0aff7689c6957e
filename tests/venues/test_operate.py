"""Halt, resume, and the fees a venue earns."""

import time

import pytest

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.venues.conftest import settle
from venues.models import Phase, VenueState
from venues.services import collect_fees, halt_venue, resume_venue
from venues.services.asking import ask
from venues.services.operate import fees_collected, fees_held
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db(transaction=True)


def phase(venue):
    return ask(venue.group_id, {"q": "market", "market": 0})["market"]["phase"]


def test_halt_and_resume(venue, deployer):
    halted = halt_venue(deployer, venue)
    assert (halted.state, phase(venue), venue.markets.get().phase) == (
        VenueState.HALTED,
        Phase.HALTED,
        Phase.HALTED,
    )
    resumed = resume_venue(deployer, venue)
    assert (resumed.state, phase(venue), venue.markets.get().phase) == (
        VenueState.OPEN,
        Phase.OPEN,
        Phase.OPEN,
    )


def test_moves_that_are_not_allowed(venue, deployer):
    with pytest.raises(DomainError) as refused:
        resume_venue(deployer, venue)
    assert refused.value.message == "North Exchange is open; it cannot become open."
    halt_venue(deployer, venue)
    with pytest.raises(DomainError) as refused:
        halt_venue(deployer, venue)
    assert refused.value.message == "North Exchange is halted; it cannot become halted."
    assert phase(venue) == Phase.HALTED


@pytest.mark.parametrize("act", [halt_venue, resume_venue, collect_fees])
def test_only_its_deployer_operates_a_venue(venue, trader, act):
    with pytest.raises(DomainError) as refused:
        act(trader, venue)
    assert refused.value.code == "venue_unknown"
    assert phase(venue) == Phase.OPEN


def test_fees_are_earned_and_collected(trade, venue, deployer):
    # Taker 0.05% and maker 0.02% of 65,000 are 45.5; the protocol keeps a tenth.
    assert fees_held(venue) == {trade.pk: 40_950_000}
    settle(collect_fees(deployer, venue))
    assert wallet_balance(deployer.pk, trade) == 40_950_000
    assert (fees_held(venue), fees_collected(venue)) == ({}, {trade.pk: 40_950_000})
    assert check_ledger(kernel_totals).sound
    with pytest.raises(DomainError) as refused:
        collect_fees(deployer, venue)
    assert refused.value.message == "North Exchange has no fees to collect yet."


def test_time_of_a_launch_is_that_of_its_opening(venue):
    assert abs(venue.opened.timestamp() - time.time()) < 60
