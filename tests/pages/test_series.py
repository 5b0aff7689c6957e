"""A venue of many events: what leads, what groups and rounds there are, search, and the hero of the first page."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from exchange_os.ledger.models import Asset
from tests.pages.test_venue_page import words
from trading.selectors import series as selector
from venues.models import PPM, Event, EventState, Market, MarketKind, Phase, Venue


def listed(venue: Venue, title: str, category: str, outcomes: str, hours: int, **more: Any) -> Event:
    """An event with one market for each letter of ``outcomes``."""
    usd = Asset.objects.get(symbol="USD")
    number = Event.objects.count()
    event = Event.objects.create(
        venue=venue, number=number, kind="multiple", series=f"S{number}", code=f"E{number}", title=title,
        category=category, rules="R", source="S", settlement_asset=usd,
        closes=timezone.now() + timedelta(hours=hours), **{"state": EventState.OPEN, **more},
    )  # fmt: skip
    for at, name in enumerate(outcomes):
        Market.objects.create(
            venue=venue, number=Market.objects.count(), symbol=f"S{number}-{name}", kind=MarketKind.OUTCOME,
            quote=usd, tick_size="0.01", lot_size="1", price_scale=2, size_scale=0, lot_units=1, tick_quote=10_000,
            payout_ticks=100, event=event, outcome=at, outcome_name=f"Team {name}",
            reference_ticks=100 // len(outcomes), band_ppm=0, maker_fee_ppm=0, taker_fee_ppm=0, phase=Phase.OPEN,
        )  # fmt: skip
    return event


@pytest.fixture
def cup(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """Two groups with a lead, a round of two, a champion; nobody quotes, and the venue does not answer."""
    monkeypatch.setattr(selector, "PATIENCE_SECONDS", 0.05)
    selector._remembered.clear()
    listed(venue, "Who wins it all?", "Tournament", "ABCDEFGH", 90)
    for group, teams in (("Group X", "ABCD"), ("Group Y", "EFGH")):
        listed(venue, f"Who wins {group}?", group, teams, 80)
        for hours in (1, 2):
            listed(venue, f"{group} match {hours}", group, f"{teams[0]}-{teams[hours]}", hours)
    for pair in ("AE", "BF"):
        listed(venue, f"Who goes through: {pair}?", "Semi-finals", pair, 30)
    over = {"state": EventState.RESOLVED, "proposed": timezone.now(), "resolved": timezone.now()}
    listed(venue, "Group X match 0", "Group X", "A-B", -1, payouts={"0": PPM, "1": 0, "2": 0}, **over)
    return venue


def test_leads_groups_and_rounds_are_found_without_being_told(client: Client, cup: Venue) -> None:
    found = selector.series_of(cup, 0)
    assert found is not None
    assert [category.name for category in found.banners] == ["Tournament"]
    assert [(category.name, category.lead.event.title) for category in found.groups if category.lead] == [
        ("Group X", "Who wins Group X?"), ("Group Y", "Who wins Group Y?"),
    ]  # fmt: skip
    assert [(category.name, len(category.heads)) for category in found.stages] == [("Semi-finals", 2)]
    assert [each.event.title for each in found.next_to_close(2)] == ["Group X match 1", "Group Y match 1"]
    assert found.groups[0].events[0].chances[0].won
    text = words(client, "/v/acme/")
    assert "Chances are missing" in text, "the venue does not answer, and the page says so"
    places = [text.rindex(part) for part in ("Next to close", "Who wins it all?", "Rounds", "Groups")]
    assert places == sorted(places)
    assert "Team A 12%" in text


def test_search_and_the_tabs(client: Client, cup: Venue) -> None:
    assert "3 events with “match 1” " not in words(client, "/v/acme/?find=match+1")
    assert "2 events with “match 1”" in words(client, "/v/acme/?find=match+1")
    assert "No event matches" in words(client, "/v/acme/?find=%3Cscript%3E")
    assert "Who goes through: AE?" in words(client, "/v/acme/?view=days")
    rounds = words(client, "/v/acme/?view=rounds")
    assert "Semi-finals 2" in rounds
    assert "Group X match" not in rounds
    part = client.get("/v/acme/series/?view=rounds", headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert b"<html" not in part.content
    assert client.get("/v/acme/series/").status_code == 302
    assert client.get("/v/nowhere/series/").status_code == 404


def test_the_first_page_leads_with_the_venue_that_was_chosen(
    client: Client, cup: Venue, settings: Any
) -> None:
    assert "hero" not in client.get("/").content.decode()
    settings.FEATURED_VENUE = "acme"
    page = client.get("/").content.decode()
    assert 'class="hero"' in page
    assert "All 10 events" in page
    assert "Events closing soon" not in page, "they are in the hero"
    settings.FEATURED_VENUE = "nowhere"
    assert 'class="hero"' not in client.get("/").content.decode()
