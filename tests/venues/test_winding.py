"""Halts that end by themselves, and the end of a venue: announced, reduce-only, settled by the clock, closed."""

import time
from datetime import timedelta

import exchange_kernel as kernel
import pytest
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import wallet_balance
from tests.engine.conftest import wait_until
from tests.venues.conftest import settle
from venues.models import PendingAct, Phase, Role, Venue, VenueAct, VenueMember, VenueState
from venues.selectors import live_venues, stake_standing, venue_by_slug
from venues.services import halt_venue, start_deposit, start_withdrawal
from venues.services.asking import ask
from venues.services.notices import public_notices
from venues.services.operate import end_halts, request_longer_halt
from venues.services.two_people import approve_act, run_due_acts
from venues.services.winding import follow_winding, request_wind_down

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The market maker has left us."


def phases(venue):
    return {row["market"]: row["phase"] for row in ask(venue.group_id, {"q": "markets"})["markets"]}


def place(venue, account, market, side, ticks, lots):
    order = kernel.place(account, market, side=side, price_ticks=ticks, size_lots=lots)
    return kernel.REJECTS[client.submit(venue.group_id, order).code][0]


def refusal(act, *arguments):
    with pytest.raises(DomainError) as refused:
        act(*arguments)
    return refused.value.code


def test_one_person_halts_for_a_day_and_two_for_longer(venue, deployer, newcomer):
    VenueMember.objects.create(venue=venue, user=newcomer, role=Role.HALTER)
    halted = halt_venue(deployer, venue, WHY)
    assert timedelta(hours=23) < halted.halt_ends - timezone.now() <= timedelta(hours=24)
    assert end_halts() == 0
    notice = public_notices(halted)[0]
    assert (WHY in notice.text, notice.at) == (True, halted.halt_ends)
    assert refusal(request_longer_halt, deployer, venue, 31, WHY) == "days_invalid"
    asked = request_longer_halt(deployer, venue, 7, WHY)
    assert refusal(approve_act, deployer, venue, asked.pk, asked.digest) == "same_person"
    approve_act(newcomer, venue, asked.pk, asked.digest)
    halted.refresh_from_db()
    assert halted.halt_ends - timezone.now() > timedelta(days=6)
    Venue.objects.update(halt_ends=timezone.now())
    assert (end_halts(), end_halts()) == (1, 0)
    assert (phases(venue)[0], Venue.objects.get().state) == (Phase.OPEN, VenueState.OPEN)
    assert VenueAct.objects.filter(venue=venue, by=None, verb="resumed").count() == 1


def test_a_venue_winds_down_and_nobody_loses_what_is_theirs(trade, perp, deployer, trader):
    now = time.time_ns() // 1_000_000
    seen = [(kernel.PRICE_INDEX, 1, source, 650_000, now) for source in (1, 2, 3)]
    client.submit(perp.group_id, kernel.observe_prices(seen))
    assert place(perp, 17, 1, kernel.SELL, 650_000, 10) == "OK"
    assert place(perp, 16, 1, kernel.BUY, 650_000, 10) == "OK"
    assert place(perp, 16, 0, kernel.BUY, 6_400_000, 10) == "OK"

    assert refusal(request_wind_down, deployer, perp, 2, WHY) == "days_invalid"
    assert refusal(request_wind_down, trader, perp, 3, WHY) == "venue_unknown"
    request_wind_down(deployer, perp, 3, WHY)
    assert (follow_winding(), phases(perp)) == (0, {0: Phase.OPEN, 1: Phase.OPEN}), "nothing before its time"
    PendingAct.objects.update(due=timezone.now())
    assert run_due_acts() == 1
    perp.refresh_from_db()
    assert (perp.state, phases(perp)) == (VenueState.WINDING, {0: Phase.CLOSING, 1: Phase.CLOSING})
    assert perp.ends - timezone.now() > timedelta(hours=71), "the end is announced, whatever was asked for"
    assert place(perp, 16, 1, kernel.BUY, 650_000, 1).startswith("STATE_")
    assert refusal(halt_venue, deployer, perp, WHY) == "venue_move_refused", (
        "and cannot be halted at a chosen price"
    )
    assert [notice.title for notice in public_notices(perp)] == [f"{perp.name} winds down"]
    assert stake_standing(deployer.pk).backing > 0

    Venue.objects.update(ends=timezone.now())
    closed = []
    wait_until(lambda: closed.append(follow_winding()) or sum(closed) == 1)
    perp.refresh_from_db()
    assert (perp.state, phases(perp)) == (VenueState.CLOSED, {0: Phase.SETTLED, 1: Phase.SETTLED})
    assert set(perp.markets.values_list("phase", flat=True)) == {Phase.SETTLED}
    account = ask(perp.group_id, {"q": "account", "account": 16})
    assert (account["positions"], account["orders"]) == ([], [])
    assert stake_standing(deployer.pk).backing == 0, "its stake is free"
    assert (venue_by_slug(perp.slug), list(live_venues())) == (perp, []), (
        "it has an address and is in no list"
    )
    assert refusal(start_deposit, trader, perp, 16, trade, 1) == "venue_not_open"
    held = {row["asset"]: row["free"] for row in account["balances"]}
    bitcoin = Asset.objects.get(symbol="BTC")
    settle([start_withdrawal(trader, perp, 16, bitcoin, held[bitcoin.pk])])
    assert wallet_balance(trader.pk, bitcoin) == held[bitcoin.pk] == 10**8
    assert VenueAct.objects.filter(venue=perp, verb="closed", by=None).count() == 1
