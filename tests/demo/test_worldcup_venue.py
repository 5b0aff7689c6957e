"""The cup's venue: launched whole, its group stage resolved by the desk, its knock-out matches listed by themselves."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import F
from django.test import Client
from django.utils import timezone

from examples.results.desk import Clerk
from examples.results.feed import Document, parse
from exchange_os.demo.worldcup import facts, listing
from exchange_os.demo.worldcup.follow import ServiceDesk, add_knockouts, known_results
from exchange_os.demo.worldcup.season import standings
from tests.venues.conftest import LocalWorker, clean_redis, deployer, local_worker
from venues.models import Event, EventState, Market, Phase, VenueState
from venues.services import drive_launch, follow_events, launch_venue
from venues.services.drafts import new_draft

__all__ = ["clean_redis", "deployer", "local_worker"]

pytestmark = pytest.mark.django_db(transaction=True)


def read(address: str) -> Document:
    """The document as the exchange serves it."""
    answer = Client().get(address.removeprefix("https://cup.example"))
    assert answer.status_code == 200
    return parse(answer.content)


def test_the_group_stage_is_resolved_and_leads_to_the_round_of_32(
    clean_redis: None, local_worker: LocalWorker, deployer: AbstractBaseUser, settings
) -> None:
    settings.MIN_CHALLENGE_SECONDS = 60
    start = listing.whole_minute(timezone.now() + listing.LEAD)
    forms = listing.opening_forms(start, "The simulated tournament.")
    draft = new_draft(deployer, {"venue": {**listing.venue_form(), "access": ""}, "markets": forms})
    venue = launch_venue(deployer, draft)
    assert drive_launch(venue.pk) == VenueState.OPEN
    assert (Event.objects.count(), Market.objects.filter(phase=Phase.OPEN).count()) == (86, 323)
    clerk = Clerk(ServiceDesk(deployer, venue), f"https://cup.example{listing.ADDRESS}", read)
    assert (clerk.round(), add_knockouts(deployer, venue, known_results())) == (0, [])

    # A day later: every group match is over, and the process that looks knows nothing but the rows.
    matches = Event.objects.filter(series__startswith="WC26M")
    matches.update(closes=F("closes") - timedelta(days=1))
    results = known_results()
    assert len(results) == 72
    assert clerk.round() == 72 + 12, "the matches and the winners of the groups"
    assert clerk.round() == 0, "each is said once"
    for group, teams in standings(results).items():
        event = Event.objects.get(series=f"WC26G{group}")
        won = [int(at) for at, ppm in event.payouts.items() if ppm]
        assert [event.markets.get(outcome=at).outcome_name for at in won] == [teams[0]]
        assert event.moves.get().evidence.get().link == f"https://cup.example{listing.ADDRESS}"
    added = add_knockouts(deployer, venue, results)
    assert added == list(range(73, 89))
    assert drive_launch(venue.pk) == VenueState.OPEN
    assert add_knockouts(deployer, venue, results) == [], "listed once"
    ties = Event.objects.filter(category=facts.ROUND_OF_32)
    assert (ties.count(), ties.filter(state=EventState.OPEN).count()) == (32, 32)
    soonest = min(tie.closes for tie in ties)
    assert soonest >= timezone.now() + listing.NOTICE - timedelta(minutes=1), "everybody had notice"
    for tie in ties.filter(series__startswith="WC26T"):
        match = Event.objects.get(series=tie.series.replace("WC26T", "WC26M"))
        names = [market.outcome_name for market in match.markets.order_by("outcome")]
        assert names == [
            tie.markets.get(outcome=0).outcome_name,
            "Draw",
            tie.markets.get(outcome=1).outcome_name,
        ]
        assert match.closes == tie.closes

    Event.objects.filter(state=EventState.PROPOSED).update(proposed=timezone.now() - timedelta(hours=1))
    follow_events()
    assert Event.objects.filter(state=EventState.RESOLVED).count() == 84
