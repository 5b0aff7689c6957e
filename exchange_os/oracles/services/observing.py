"""One round of a risk group: claim the sources that are due, ask them all at once, keep what they say, tell the kernel.

A claim moves ``next_poll_ms`` on before anything is asked, so however often and late a task runs, a source is asked
once a period; one that fails is asked ever more rarely, up to a minute apart. What is told to the kernel is graded
there; the alarms are drawn from its answer.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import exchange_kernel as kernel
import httpx
from django.db import transaction

from exchange_os.engine import client
from exchange_os.engine.clock import wall_ms
from exchange_os.engine.errors import Busy, GroupHalted, OutcomeUnknown
from exchange_os.engine.wire import unpack_acks
from exchange_os.ledger.selectors import decimal_text
from exchange_os.oracles.adapters import FETCHED, READ
from exchange_os.oracles.egress import make_client
from exchange_os.oracles.models import AlarmCode, Observation, PriceSource, SourceKind
from exchange_os.oracles.readings import Reading, SourceError, to_ticks
from exchange_os.oracles.services.alarms import Wrong, find_wrong, settle_alarms

MAX_SOURCES_A_ROUND = 256
MAX_BACKOFF_MS = 60_000
ANSWER_SECONDS = 5.0
MAX_MS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    asked: int
    heard: int
    delivered: bool


def observe_group(group_id: int, now_ms: int | None = None) -> Round:
    """Ask every source of a group that is due, keep what they say, and tell the group's kernel."""
    sources = claim_due(group_id, wall_ms() if now_ms is None else now_ms)
    if not sources:
        return Round(0, 0, True)
    return tell_kernel(group_id, list(zip(sources, read_all(sources), strict=True)))


def claim_due(group_id: int, now_ms: int) -> list[PriceSource]:
    """The sources of a group that are due, each put off by its period (or longer, after failures)."""
    with transaction.atomic():
        due = PriceSource.objects.select_for_update(skip_locked=True).filter(
            group_id=group_id, enabled=True, next_poll_ms__lte=now_ms
        )
        claimed = list(due.exclude(kind=SourceKind.PUSH)[:MAX_SOURCES_A_ROUND])
        for source in claimed:
            backoff = min(source.poll_ms << min(source.failures, 6), max(MAX_BACKOFF_MS, source.poll_ms))
            source.next_poll_ms = now_ms + backoff
        PriceSource.objects.bulk_update(claimed, ["next_poll_ms"])
    return claimed


def read_all(sources: list[PriceSource]) -> list[Reading | SourceError]:
    """What each source says, in their order: the platform's own one after the other, the others all at once."""
    answers = {source.pk: _read(source) for source in sources if source.kind in READ}
    fetched = [source for source in sources if source.kind in FETCHED]
    if fetched:
        found = asyncio.run(_fetch_all(fetched))
        answers |= {source.pk: answer for source, answer in zip(fetched, found, strict=True)}
    return [answers.get(source.pk, SourceError("refused", "this source is not asked")) for source in sources]


async def _fetch_all(sources: list[PriceSource]) -> list[Reading | SourceError]:
    async with make_client() as http:
        return await asyncio.gather(*(_fetch(http, source) for source in sources))


async def _fetch(http: httpx.AsyncClient, source: PriceSource) -> Reading | SourceError:
    try:
        return await FETCHED[source.kind](http, source.config, source.timeout_ms, wall_ms())
    except SourceError as error:
        return error


def _read(source: PriceSource) -> Reading | SourceError:
    try:
        return READ[source.kind](source.config, source.timeout_ms, wall_ms())
    except SourceError as error:
        return error


def tell_kernel(group_id: int, heard: list[tuple[PriceSource, Reading | SourceError]]) -> Round:
    """Keep what sources said and tell the group's kernel; then bring the group's alarms up to date."""
    kept = [_keep(source, answer, wall_ms()) for source, answer in heard]
    Observation.objects.bulk_create(kept)
    changed = ["failures", "last_price", "last_published_ms", "last_error"]
    PriceSource.objects.bulk_update([source for source, _ in heard], changed)
    good = [(row, source) for row, (source, _) in zip(kept, heard, strict=True) if not row.error]
    untold = _deliver(group_id, good)
    _watch(group_id, untold)
    return Round(len(heard), len(good), not untold)


def _keep(source: PriceSource, answer: Reading | SourceError, received_ms: int) -> Observation:
    """The row of what a source said; the source takes note of it."""
    if isinstance(answer, SourceError):
        source.failures += 1
        source.last_error = str(answer)[:200]
        return Observation(source=source, received_ms=received_ms, error=source.last_error)
    price, ticks = to_ticks(answer.price, Decimal(source.multiplier), Decimal(source.tick_size))
    source.failures = 0
    source.last_error = ""
    source.last_price = decimal_text(price)[:48]
    source.last_published_ms = max(0, min(answer.published_ms, MAX_MS))
    return Observation(
        source=source,
        price=source.last_price,
        price_ticks=ticks,
        published_ms=source.last_published_ms,
        received_ms=received_ms,
    )


def _deliver(group_id: int, good: list[tuple[Observation, PriceSource]]) -> set[int]:
    """Send observations to the kernel, a frame for each market; the markets whose frame it did not take."""
    rows: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for row, source in good:
        told = (source.role, source.market, source.number, row.price_ticks, row.published_ms)
        rows.setdefault(source.market, []).append(told)
    if not rows:
        return set()
    frames = b"".join(kernel.observe_prices(told) for told in rows.values())
    try:
        acks = client.submit_packed(group_id, frames, len(rows), ANSWER_SECONDS, urgent=True)
    except (Busy, GroupHalted, OutcomeUnknown):
        return set(rows)
    return {market for market, ack in zip(rows, unpack_acks(acks), strict=True) if ack.code}


def _watch(group_id: int, untold: set[int]) -> None:
    """Bring the group's alarms up to date with what its kernel shows."""
    sources = list(PriceSource.objects.filter(group_id=group_id, enabled=True))
    try:
        shown = client.query(group_id, {"q": "prices"}, ANSWER_SECONDS).get("markets", [])
    except (Busy, GroupHalted, OutcomeUnknown):
        shown = []
    wrong: Wrong = find_wrong(shown, sources)
    wrong |= {(market, None, AlarmCode.UNDELIVERED): {} for market in untold}
    settle_alarms(group_id, wrong)
