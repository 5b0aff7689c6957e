"""What tables make suspicious. Each reader is cheap and names a rule; only what that finds in the journal counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, Q, Sum
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill, RiskGroup
from exchange_os.engine.models import Incident as Outage
from exchange_os.engine.past import last_batch_before
from exchange_os.engine.wire import id_order
from exchange_os.ledger.models import Transfer
from exchange_os.oracles.models import Observation, PriceSource, Role
from governance.models import Incident
from governance.rules.oracle import OTHERS_NEEDED, deviation_ppm
from governance.rules.settlement import differences
from governance.selectors.parameters import parameter
from trading.models import TradingAccount
from venues.models import PPM, Event, EventMove, EventState, Market, MarketKind, Phase, Venue, VolumeDay
from venues.selectors import insiders_of
from venues.services.events import anyone_may_propose_from

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
LOOK_BACK = timedelta(days=7)
SETTLEMENT = BILL_KINDS["settlement"]


@dataclass(frozen=True)
class Suspicion:
    """Something to replay: the rule with its parameters from ``first_sequence`` on, and what it would be called.

    ``mark`` is what tables say now: while it stays the same a replay that found nothing would find nothing again.
    Without one that holds until the next command.
    """

    venue: Venue
    rule: str
    window: str
    offence: str
    title: str
    happened: datetime
    params: dict[str, Any]
    first_sequence: int = 1
    mark: str = ""


def suspicions(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Everything about a venue that tables make suspicious and that no incident is about yet."""
    known = set(Incident.objects.filter(venue=venue).values_list("rule", "window"))
    for reader in READERS:
        for each in reader(venue, now):
            if (each.rule, each.window) not in known:
                yield each


def missed_deadlines(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Events that closed and got no result while the deployer alone could name one."""
    for event in Event.objects.filter(venue=venue, state=EventState.CLOSED).order_by("pk"):
        due = anyone_may_propose_from(event)
        if due < now:
            params = {"event": event.number, "deadline_ms": _ms(due)}
            title = f"No result in time: {event.title}"
            yield Suspicion(venue, "deadline", _of(event), "missed_deadline", title[:140], due, params)


def wrong_settlements(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Events of the last days that the kernel paid otherwise than the result on record says."""
    resolved = Event.objects.filter(
        venue=venue, state=EventState.RESOLVED, resolved__gt=now - LOOK_BACK, voiding=False
    )
    for event in resolved.order_by("pk"):
        due, tick_quote = {}, 1
        for market in Market.objects.filter(event=event):
            share = int(event.payouts.get(str(market.outcome), 0))
            due[market.number], tick_quote = market.payout_ticks * share // PPM, market.tick_quote
        bills = Bill.objects.filter(
            group_id=venue.group_id, kind=SETTLEMENT, extra=event.number, market__in=due
        )
        paid = {
            (row["account"], row["market"]): (row["held"], row["got"])
            for row in bills.values("account", "market").annotate(held=Sum("lots"), got=Sum("amount"))
        }
        if any(differences(paid, due, tick_quote).values()):
            move = EventMove.objects.filter(event=event).exclude(source="").last()
            source = move.source if move else event.source
            payouts = {at: ppm for at, ppm in event.payouts.items() if ppm}
            params = {"event": event.number, "payouts": payouts, "source": source}
            title = f"Settled against its record: {event.title}"
            when = event.resolved or now
            yield Suspicion(
                venue, "settlement", _of(event), "false_settlement", title[:140], when, params, mark="paid"
            )


def stale_feeds(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Open markets about which no source has said anything for long."""
    limit = parameter("detector_stale_seconds") * 1000
    for market in _priced(venue):
        newest = _heard(venue, market).values_list("received_ms", flat=True).first()
        if newest is not None and _ms(now) - newest > limit:
            yield Suspicion(
                venue, "stale", f"market {market.number} from {newest}", "misleading_terms",
                f"No price of {market.symbol} from any source", _at(newest),
                {"market": market.number, "limit_ms": limit}, _after(venue, newest - HOUR_MS),
            )  # fmt: skip


def lying_sources(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Sources whose newest price is far from the median of the newest of all others."""
    limit = parameter("detector_deviation_ppm")
    hour = _ms(now) // HOUR_MS
    for market in _priced(venue):
        said: dict[int, int] = {}
        recent = _heard(venue, market).filter(received_ms__gt=_ms(now) - 600_000)
        for number, ticks in recent.values_list("source__number", "price_ticks"):
            said.setdefault(number, ticks)
        for number, ticks in said.items():
            others = [each for other, each in said.items() if other != number]
            if len(others) >= OTHERS_NEEDED and deviation_ppm(ticks, others) >= limit:
                yield Suspicion(
                    venue, "oracle", f"market {market.number} source {number} {hour}", "oracle_manipulation",
                    f"Source {number} of {market.symbol} is away from all others", now,
                    {
                        "market": market.number, "source": number, "limit_ppm": limit,
                        "count": parameter("detector_deviation_count"),
                    },
                    _after(venue, _ms(now) - HOUR_MS),
                )  # fmt: skip


def long_halts(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Markets that stand halted, and not by a decision of the committee."""
    if venue.held_by_decision is not None:
        return
    limit = parameter("detector_downtime_seconds") * 1000
    for market in Market.objects.filter(venue=venue, phase=Phase.HALTED).order_by("number"):
        yield Suspicion(
            venue, "downtime", f"market {market.number} {now:%Y-%m-%d}", "downtime",
            f"{market.symbol} stands halted", now, {"market": market.number, "limit_ms": limit},
            _after(venue, _ms(now) - DAY_MS),
        )  # fmt: skip


def silent_groups(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Outages of the venue's risk group that last, or ended within the hour, and took long."""
    seconds = parameter("detector_unanswered_seconds")
    outages = Outage.objects.filter(group_id=venue.group_id, kind=Outage.Kind.OUTAGE)
    for outage in outages.filter(Q(ended_at=None) | Q(ended_at__gt=now - timedelta(hours=1))).order_by("pk"):
        since, until = id_order(outage.stream_entry)[0], _ms(outage.ended_at or now)
        if until - since > seconds * 1000:
            params = {"since_ms": since, "until_ms": until, "limit_ms": seconds * 1000}
            yield Suspicion(
                venue, "silence", outage_window(outage.pk), "downtime", f"{venue.name} does not answer"[:140],
                _at(since), params, max(1, last_batch_before(venue.group_id, since)),
            )  # fmt: skip


def outage_window(number: int) -> str:
    """The window of the incident about an outage."""
    return f"outage {number}"


def left_waiting(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Venues that answered a transfer of the last hour only after long; the first of a day."""
    seconds = parameter("detector_unanswered_seconds")
    late = (
        Transfer.objects.filter(group_id=venue.group_id, finished__gt=now - timedelta(hours=1))
        .filter(finished__gt=F("created") + timedelta(seconds=seconds))
        .order_by("created")
        .first()
    )
    if (
        late is not None
        and late.finished is not None
        and not _is_known_outage(venue, late.created, late.finished)
    ):
        yield Suspicion(
            venue, "unanswered", f"{late.created:%Y-%m-%d}", "downtime",
            f"{venue.name} left transfers unanswered"[:140], late.created, {"limit_ms": seconds * 1000},
            max(1, last_batch_before(venue.group_id, late.issued_ms - HOUR_MS)),
        )  # fmt: skip


def own_trades(venue: Venue, now: datetime) -> Iterator[Suspicion]:
    """Markets in which accounts of the deployer or the team have traded today."""
    accounts = dict(
        TradingAccount.objects.filter(venue=venue, user__in=insiders_of(venue)).values_list(
            "number", "user_id"
        )
    )
    today = now.astimezone(UTC).date()
    traded = VolumeDay.objects.filter(
        group_id=venue.group_id, account__in=accounts, day=today, volume__gt=0
    ).order_by()
    start = int(datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp()) * 1000
    volumes = traded.values_list("market").annotate(Sum("volume")).order_by("market")
    for number, volume in volumes:
        yield Suspicion(
            venue, "self_dealing", f"market {number} {today}", "self_dealing",
            f"The deployer's own accounts traded at {venue.name}"[:140], now,
            {"market": number, "accounts": sorted(accounts)}, _after(venue, start), str(volume),
        )  # fmt: skip


READERS: tuple[Callable[[Venue, datetime], Iterator[Suspicion]], ...] = (
    missed_deadlines,
    wrong_settlements,
    stale_feeds,
    lying_sources,
    long_halts,
    silent_groups,
    left_waiting,
    own_trades,
)


def head_of(group_id: int) -> int:
    """The last command in a group's journal; 0 if there is none."""
    return RiskGroup.objects.filter(pk=group_id).values_list("head_sequence", flat=True).first() or 0


def _priced(venue: Venue) -> list[Market]:
    found = Market.objects.filter(venue=venue, kind=MarketKind.PERPETUAL, phase=Phase.OPEN)
    return list(found.order_by("number"))


def _heard(venue: Venue, market: Market) -> Any:
    """What sources of a market's index said, newest first."""
    sources = PriceSource.objects.filter(
        group_id=venue.group_id, market=market.number, role=Role.INDEX, enabled=True
    )
    return Observation.objects.filter(source__in=sources, price_ticks__gt=0).order_by("-received_ms")


def _after(venue: Venue, time_ms: int) -> int:
    """The first command after a moment."""
    return last_batch_before(venue.group_id, time_ms) + 1


def _is_known_outage(venue: Venue, since: datetime, until: datetime) -> bool:
    """Whether an outage that there is an incident about lies in that time: it is not told twice."""
    known = Incident.objects.filter(venue=venue, rule="silence", happened__lte=until)
    return known.filter(Q(ended=None) | Q(ended__gte=since)).exists()


def _of(event: Event) -> str:
    return f"event {event.number}"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _at(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms // 1000, UTC)
