"""Price sources of a perpetual: shown in the console, changed by two people."""

import pytest
from django.urls import reverse

from exchange_os.errors import DomainError
from exchange_os.oracles.models import PriceSource
from venues.models import PendingAct, PendingState, Role, VenueAct, VenueMember
from venues.services.oracle_sources import request_sources
from venues.services.two_people import approve_act

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The feed has moved to another address."


def refusal(act, *arguments):
    with pytest.raises(DomainError) as refused:
        act(*arguments)
    return refused.value.code


def spoken(venue):
    return {row.name.split()[0]: row.enabled for row in PriceSource.objects.filter(group_id=venue.group_id)}


def test_other_sources_need_two_people_and_stay_the_same_when_they_come_back(
    perp, deployer, newcomer, trader, signed_in
):
    VenueMember.objects.create(venue=perp, user=newcomer, role=Role.ORACLE_UPDATER)
    VenueMember.objects.create(venue=perp, user=trader, role=Role.HALTER)
    was = perp.markets.get(number=1).params["sources"]
    assert spoken(perp) == {"push": True, "pyth": True}
    assert refusal(request_sources, trader, perp, 1, was[0], WHY) == "role_missing"
    assert refusal(request_sources, newcomer, perp, 0, was[0], WHY) == "market_unknown"
    assert refusal(request_sources, newcomer, perp, 1, "\n".join(was), WHY) == "sources_unchanged"
    visitor = signed_in(newcomer)
    page = reverse("deployer:oracles", args=[perp.pk])
    assert "BTC-USD-SWAP" in visitor.get(page).content.decode()
    address = reverse("deployer:change_sources", args=[perp.pk, 1])
    assert visitor.post(address, {"sources": "ftp nowhere", "words": WHY}).status_code == 422
    assert visitor.post(address, {"sources": was[0], "words": WHY}).status_code == 302
    asked = PendingAct.objects.get()
    assert (asked.parameters["before"], asked.parameters["after"], spoken(perp)["pyth"]) == (
        was,
        was[:1],
        True,
    )
    assert refusal(approve_act, newcomer, perp, asked.pk, asked.digest) == "same_person"
    assert approve_act(deployer, perp, asked.pk, asked.digest).state == PendingState.DONE
    assert spoken(perp) == {"push": True, "pyth": False}
    assert perp.markets.get(number=1).params["sources"] == was[:1]

    other = f"pyth {'1' * 64}"
    asked = request_sources(deployer, perp, 1, f"{was[1]}\n{other}", WHY)
    approve_act(newcomer, perp, asked.pk, asked.digest)
    numbers = {
        row.config.get("feed_id", "push")[:1]: (row.number, row.enabled) for row in PriceSource.objects.all()
    }
    assert numbers == {"p": (1, False), "0": (2, True), "1": (3, True)}, (
        "a source that comes back keeps its number"
    )
    assert VenueAct.objects.filter(venue=perp, verb="changed the price sources of").count() == 2
