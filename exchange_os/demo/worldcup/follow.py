"""Running the cup: the results desk at the venue, and the knock-out matches that are added as their teams are known."""

import logging
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from examples.results.desk import Answer, Question
from examples.results.feed import Document, Result
from exchange_os.demo.worldcup import facts, listing
from exchange_os.demo.worldcup.document import calendar, played
from exchange_os.demo.worldcup.season import pairing
from exchange_os.demo.worldcup.seed import SOURCE
from exchange_os.errors import DomainError
from venues.event_specs import event_spec
from venues.evidence import evidence_link
from venues.models import Event, EventState, Venue
from venues.services import add_listings, propose_result

log = logging.getLogger(__name__)

#: States in which the desk has something to say.
WAITING = (EventState.OPEN, EventState.CLOSED, EventState.PROPOSED)


class ServiceDesk:
    """The results desk's way to the venue, through the deployer's services."""

    def __init__(self, user: AbstractBaseUser, venue: Venue) -> None:
        self.user, self.venue = user, venue

    def questions(self) -> list[Question]:
        """Events without a final result, matches not before they have begun."""
        rows = Event.objects.filter(venue=self.venue, state__in=WAITING).prefetch_related("markets")
        found = []
        for event in rows:
            markets = sorted(event.markets.all(), key=lambda market: market.outcome)
            proposed = {int(at): ppm for at, ppm in event.payouts.items() if ppm} if event.proposed else {}
            names = tuple(market.outcome_name for market in markets)
            found.append(Question(event.code, names, markets[0].payout_ticks, proposed))
        return found

    def propose(self, question: Question, answer: Answer, document: Document, address: str) -> None:
        """Propose the result with the address it was read from and the hash of what stood there."""
        event = Event.objects.get(venue=self.venue, code=question.code)
        evidence = [evidence_link(address, document.sha256)]
        words = f"{answer.words} Read from {document.name}."
        propose_result(self.user, event, answer.payouts, words[:500], evidence=evidence)


def known_results() -> list[Result]:
    """Matches that are over by now."""
    return played(calendar(), timezone.now())


def add_knockouts(user: AbstractBaseUser, venue: Venue, results: list[Result]) -> list[int]:
    """List the knock-out matches whose teams are known and that are not listed; their numbers.

    A match begins when the calendar says, but not before everybody had ``NOTICE`` of it. Raises what listing raises.
    """
    kickoffs = calendar()
    start = kickoffs.get(facts.GROUP_FIXTURES[0].number)
    if start is None:
        return []
    soonest = timezone.now() + listing.NOTICE
    forms, added = [], []
    for fixture in facts.KNOCKOUT_FIXTURES:
        if fixture.number in kickoffs:
            continue
        team1, team2 = pairing(fixture, results)
        if not team1 or not team2:
            continue
        begins = listing.whole_minute(max(listing.kickoff(fixture, start), soonest))
        soonest = max(soonest, begins + timedelta(minutes=1))
        forms += listing.knockout_forms(fixture, team1, team2, begins, SOURCE)
        added.append(fixture.number)
    if forms:
        try:
            add_listings(user, venue, [event_spec(form) for form in forms])
        except DomainError as refused:
            if refused.code != "market_pending":
                raise
            return []
        log.info("knock-out matches listed: %s", added)
    return added
