"""Two people hold liquidations back; the kernels are told, once, and nobody can forget to let them go on."""

from datetime import timedelta

import exchange_kernel as xk
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Pause
from exchange_os.operations.models import LiquidationHold
from exchange_os.operations.services import ask_switch, confirm_switch, tell_holds
from venues.models import Market, MarketKind

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "Two sources print a price that no other one has."


def flip(first, second, group=0, *, pause=True):
    return confirm_switch(second, ask_switch(first, "liquidate", group, pause=pause, reason=WHY).pk)


def held(group):
    """Until when the group's kernel holds liquidations back, in milliseconds."""
    return client.query(group, {"q": "insurance"})["held_until_ms"]


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def group(local_worker, market, venue):
    """The venue's risk group; its market is a perpetual as far as the tables know."""
    Market.objects.filter(pk=market.pk).update(kind=MarketKind.PERPETUAL, contract_value="0.01", lot_size="1")
    return venue.group_id


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_hold_reaches_the_kernel_and_ends_when_two_people_say_so(everywhere, group, first, second):
    assert tell_holds() == 0
    flip(first, second, 0 if everywhere else group)
    pause = Pause.objects.get()
    assert pause.until - pause.since == timedelta(hours=1)
    assert tell_holds() == 1
    assert (tell_holds(), held(group)) == (0, milliseconds(pause.until))
    row = LiquidationHold.objects.get()
    assert (row.group_id, row.until, row.told) == (group, pause.until, True)
    flip(second, first, 0 if everywhere else group, pause=False)
    assert (tell_holds(), tell_holds(), held(group)) == (1, 0, 0)
    assert not LiquidationHold.objects.exists()


def test_only_groups_with_perpetuals_are_told(group, first, second, market):
    Market.objects.update(kind=MarketKind.SPOT)
    flip(first, second)
    assert (tell_holds(), held(group)) == (0, 0)
    other = RiskGroup.objects.create().pk
    Market.objects.update(kind=MarketKind.PERPETUAL)
    Pause.objects.update(group_id=other)
    assert (tell_holds(), held(group)) == (0, 0)


def test_a_hold_that_nobody_ends_lapses_and_asking_again_makes_it_longer(group, first, second):
    flip(first, second)
    tell_holds()
    soon = timezone.now() + timedelta(minutes=2)
    Pause.objects.update(until=soon)
    assert (tell_holds(), held(group)) == (1, milliseconds(soon))
    flip(second, first)
    longer = Pause.objects.get()
    assert longer.until > soon
    assert (tell_holds(), held(group)) == (1, milliseconds(longer.until))
    # The time is up: nobody needs to be told, and the switch shows it as running.
    past = timezone.now() - timedelta(seconds=1)
    Pause.objects.update(until=past)
    LiquidationHold.objects.update(until=past)
    with pytest.raises(DomainError) as refused:
        ask_switch(first, "liquidate", 0, pause=False, reason=WHY)
    assert refused.value.code == "switch_stands"
    assert tell_holds() == 0
    assert not Pause.objects.exists()
    assert not LiquidationHold.objects.exists()


def test_a_group_that_is_away_is_told_later(group, first, second, monkeypatch):
    flip(first, second)

    def away(*_):
        raise DomainError("busy", "The engine is away.")

    with monkeypatch.context() as patched:
        patched.setattr(client, "submit", away)
        assert tell_holds() == 0
        assert not LiquidationHold.objects.get().told
        # Lifted before anybody knew whether the kernel had heard of it: it is told all the same.
        flip(second, first, pause=False)
        assert tell_holds() == 0
        assert LiquidationHold.objects.count() == 1
    client.submit(group, xk.hold_liquidations(milliseconds(timezone.now() + timedelta(hours=1))))
    assert (tell_holds(), held(group)) == (1, 0)


def test_everybody_reads_until_when(group, first, second):
    flip(first, second, group)
    until = Pause.objects.get().until
    cache.clear()
    banner = Client().get("/").content.decode()
    assert "Liquidations at Acme Markets: paused" in banner
    assert f"until {until:%H:%M} UTC. {WHY}" in banner
