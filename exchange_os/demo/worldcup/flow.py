"""The living cup: made in the background, then quoted, played, resolved and carried on until the final is paid.

One thread, one look every few seconds. A step that fails is said and tried again at the next look; nothing is kept here
that a restart could lose.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections
from django.utils import timezone

from examples.results.desk import Clerk
from examples.results.feed import fetch
from exchange_os.demo import cast
from exchange_os.demo.client import Refused, Unanswered, VenueClient
from exchange_os.demo.fund import ensure_fund
from exchange_os.demo.stage import StageError, ensure_person
from exchange_os.demo.worldcup import listing
from exchange_os.demo.worldcup.beliefs import Beliefs
from exchange_os.demo.worldcup.bot import Board, Crowd, Quoter
from exchange_os.demo.worldcup.document import SEED
from exchange_os.demo.worldcup.follow import ServiceDesk, add_knockouts, known_results
from exchange_os.demo.worldcup.seed import CROWD, QUOTER, ensure_cup, load_keys
from exchange_os.errors import DomainError
from venues.models import Event, EventState, Market, Phase, Venue
from venues.selectors import instrument

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
#: Seconds between two of each, in the order in which they are done.
RESULTS, BOARD, OBSERVE, STIR = 9.0, 12.0, 15.0, 21.0
RETRY_SECONDS = 10.0
STIRRED = 6


class CupFlow:
    """Makes the cup's venue at ``base_url`` and keeps it going until ``stopping`` is set."""

    def __init__(self, base_url: str, stopping: threading.Event) -> None:
        self._base_url, self._stopping = base_url.rstrip("/"), stopping
        self._beliefs = Beliefs(SEED)
        self._closing: dict[str, float] = {}
        self._next = dict.fromkeys(("results", "board", "observe", "stir"), 0.0)
        self._results_known = -1
        self._quiet = False

    def run(self) -> None:
        """Make it, or find it made, and go on."""
        venue = self._seeded()
        if venue is None:
            return
        self._begin(venue)
        self._fund()
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                close_old_connections()
                self._look(venue)
            except (Refused, Unanswered, DomainError) as away:
                log.info("the cup waits: %s", away)
                self._stopping.wait(RETRY_SECONDS)
            except Exception:
                log.exception("a look at the cup failed; it goes on")
                self._stopping.wait(RETRY_SECONDS)

    def _seeded(self) -> Venue | None:
        while not self._stopping.is_set():
            try:
                close_old_connections()
                venue = ensure_cup()
                self._keys = load_keys(venue)
            except (StageError, DomainError) as away:
                log.warning("the cup cannot be made yet: %s", away.message)
            except Exception:
                log.exception("the cup cannot be made yet")
            else:
                return venue
            self._stopping.wait(RETRY_SECONDS)
        return None

    def _fund(self) -> None:
        """The demo's regulated venue, beside the cup; what fails is tried again on the next start."""
        try:
            ensure_fund()
        except DomainError as away:
            log.warning("the fund's venue is not complete: %s", away.message)
        except Exception:
            log.exception("the fund's venue is not complete")

    def _begin(self, venue: Venue) -> None:
        run = f"w{time.time_ns() // 1_000_000:x}"
        slug = venue.slug
        self._quoter = Quoter(VenueClient(self._base_url, slug, self._keys[QUOTER], 30.0), self._beliefs, run)
        self._crowd = Crowd(VenueClient(self._base_url, slug, self._keys[CROWD]), self._beliefs, run, SEED)
        self._deployer = ensure_person(cast.DEPLOYER.email, None)
        desk = ServiceDesk(self._deployer, venue)
        self._clerk = Clerk(desk, f"{self._base_url}{listing.ADDRESS}", fetch)

    def _look(self, venue: Venue) -> None:
        """Do what is due."""
        self._every("results", RESULTS, lambda: self._follow(venue))
        self._every("board", BOARD, lambda: self._show(venue))
        self._every("observe", OBSERVE, self._quoter.observe)
        self._every("stir", STIR, self._stir)
        self._quoter.send()
        self._crowd.step(self._quoter.board, self._closing)

    def _every(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        now = time.monotonic()
        if now >= self._next[name]:
            act()
            self._next[name] = now + seconds

    def _follow(self, venue: Venue) -> None:
        """Tell the desk of new results, list the matches they lead to, and think again."""
        results = known_results()
        if len(results) != self._results_known or self._waiting(venue):
            self._clerk.round()
            add_knockouts(self._deployer, venue, results)
            self._results_known = len(results)
        if self._beliefs.learn(results):
            self._quoter.think()

    def _waiting(self, venue: Venue) -> bool:
        """Whether an event that has closed waits for its result."""
        return Event.objects.filter(venue=venue, state=EventState.CLOSED).exists()

    def _show(self, venue: Venue) -> None:
        """The events that trade now, and when each closes."""
        markets = Market.objects.filter(venue=venue, phase=Phase.OPEN, event__state=EventState.OPEN)
        rows = list(markets.select_related("venue", "base", "quote", "event"))
        board = Board([(market.event.code, instrument(market)) for market in rows if market.event])
        now = timezone.now()
        self._closing = {
            market.event.code: (market.event.closes - now).total_seconds() for market in rows if market.event
        }
        if board.events.keys() != self._quoter.board.events.keys():
            self._quoter.show(board)
            self._quoter.think()
        if not board.events and not self._quiet:
            self._quiet = True
            log.info("nothing of the cup trades any more")

    def _stir(self) -> None:
        """Let opinions move: on what closes next, and on the whole tournament."""
        near = sorted(self._quoter.board.events, key=lambda code: self._closing.get(code, 0.0))[:STIRRED]
        wide = [code for code in self._quoter.board.events if code.endswith(("WINNER", "SCORER"))]
        for code in {*near, *wide}:
            self._beliefs.stir(code, self._quoter.board.names(code))
        self._quoter.think([*near, *wide])
