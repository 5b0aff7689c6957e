"""What wants somebody's eye: alarms with the section of the runbook they lead to, money that is stuck, and charts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from exchange_os.engine.models import Incident
from exchange_os.ledger.models import Pause, Transfer, TransferState, Withdrawal
from exchange_os.ledger.selectors import amount_words
from exchange_os.ledger.services.check import LEDGER_KEY
from exchange_os.operations.models import Sample, SwitchRequest
from exchange_os.operations.selectors.audit import AUDIT_KEY
from exchange_os.operations.selectors.figures import Figures
from exchange_os.oracles.models import OracleAlarm
from exchange_os.transparency.models import Night
from governance.models import Decision
from governance.models import Incident as VenueIncident
from venues.models import Venue

SHOWN = 30
SHOWN_VENUES = 5
#: Nights are a day apart; what is later than this was missed.
UNPUBLISHED = timedelta(hours=26)
STUCK_AFTER = timedelta(seconds=10)
STUCK_WITHDRAWAL = timedelta(minutes=2)
POINTS = 60


@dataclass(frozen=True)
class Alarm:
    """Something wrong: ``level`` is ``error`` or ``warn``, ``section`` the heading of the runbook's entry."""

    level: str
    title: str
    text: str
    section: str
    since: datetime | None = None
    group: int = 0


@dataclass(frozen=True)
class Stuck:
    """Money on its way for too long."""

    kind: str
    pk: int
    words: str
    where: str
    since: datetime


def alarms(now: Figures) -> list[Alarm]:
    """What is wrong with the exchange now, the worst first."""
    found = []
    if not now.workers:
        found.append(
            Alarm("error", "No engine worker is alive", "Orders wait in their streams.", "no-worker")
        )
    if now.beat_ms is None:
        found.append(
            Alarm("error", "Beat has not reported", "Nothing is swept: no timer, no outbox.", "no-beat")
        )
    incidents = _incidents()
    away = {alarm.group for alarm in incidents if alarm.section == "incident-outage"}
    for row in now.groups:
        if (row.oldest_ms or 0) > 5_000 and row.group.pk not in away:
            text = f"{row.depth:,} commands wait, the oldest for {(row.oldest_ms or 0) / 1000:.0f} s."
            found.append(Alarm("error", f"Risk group {row.group.pk} does not answer", text, "stream-stuck"))
    if now.database.connections > now.database.limit * 8 // 10:
        text = f"{now.database.connections} of {now.database.limit} are open."
        found.append(Alarm("warn", "Connections to the database run out", text, "database-connections"))
    if now.database.longest_s > 60:
        text = f"The longest has been open for {now.database.longest_s:.0f} s."
        found.append(Alarm("warn", "A transaction stays open", text, "long-transaction"))
    if (waiting := now.queues.get("default", 0)) > 500:
        found.append(Alarm("warn", "Tasks pile up", f"{waiting:,} wait in the default queue.", "queue-long"))
    return found + incidents + _books(now.at) + _decisions() + _prices()


def _books(at: datetime) -> list[Alarm]:
    """What the nights found: faults of the ledger and of the audit trail, and a sum that was not published."""
    found = []
    checked = cache.get(LEDGER_KEY)
    if checked is not None and checked["faults"]:
        text = f"The nightly check found {checked['faults']:,}; its log names each."
        found.append(Alarm("error", "The ledger does not add up", text, "ledger-faults"))
    trail = cache.get(AUDIT_KEY)
    if trail is not None and (trail["broken"] or trail["cut"]):
        text = (
            f"It breaks at event {trail['broken']}." if trail["broken"] else "Its newest events were removed."
        )
        found.append(Alarm("error", "The audit trail does not hold", text, "audit-broken"))
    newest = Night.objects.values_list("published", flat=True).first()
    if newest is not None and at - newest > UNPUBLISHED:
        text = "More was owed than is held, a journal does not hold, or nothing ran."
        found.append(Alarm("error", "Nothing was published last night", text, "night-missing", newest))
    return found


def _decisions() -> list[Alarm]:
    """Decisions of the committee that could not be executed."""
    rows = Decision.objects.exclude(problem="").filter(closed=None).order_by("pk")[:SHOWN]
    return [
        Alarm("error", f"Decision {row.pk} is not executed: {row.title}", row.problem, "decision-stuck")
        for row in rows
    ]


def venue_incidents() -> list[VenueIncident]:
    """What detectors found at venues and no member has made a case of, the newest first."""
    return list(
        VenueIncident.objects.filter(case=None).select_related("venue").order_by("-pk")[:SHOWN_VENUES]
    )


def _incidents() -> list[Alarm]:
    rows = Incident.objects.filter(resolved=False).order_by("-created_at")[:SHOWN]
    return [
        Alarm(
            "error", f"Risk group {row.group_id}: {row.get_kind_display()}", row.message,
            f"incident-{row.kind}", row.created_at, row.group_id,
        )
        for row in rows
    ]  # fmt: skip


def _prices() -> list[Alarm]:
    rows = OracleAlarm.objects.filter(closed=None).select_related("source")[:SHOWN]
    return [
        Alarm(
            "error" if row.code in ("price_stale", "undelivered") else "warn",
            f"Risk group {row.group_id}, market {row.market}: {row.get_code_display()}",
            row.source.name if row.source else "",
            row.code.replace("_", "-"),
            row.opened,
        )
        for row in rows
    ]


def stuck(now: datetime | None = None) -> list[Stuck]:
    """Transfers without an answer for ten seconds, and withdrawals that have not moved for two minutes."""
    now = now or timezone.now()
    late = Transfer.objects.filter(state=TransferState.REQUESTED, created__lte=now - STUCK_AFTER)
    found = [
        Stuck(
            "transfer", row.pk, f"{row.get_direction_display()}: {amount_words(row.amount, row.asset)}",
            f"risk group {row.group_id}", row.created,
        )
        for row in late.select_related("asset").order_by("created")[:SHOWN]
    ]  # fmt: skip
    waiting = Withdrawal.objects.filter(
        state__in=("approved", "sending", "sent"), changed__lte=now - STUCK_WITHDRAWAL
    )
    return found + [
        Stuck(
            "withdrawal", row.pk, f"{row.get_state_display()}: {amount_words(row.amount, row.asset)}",
            "outside", row.changed,
        )
        for row in waiting.select_related("asset").order_by("changed")[:SHOWN]
    ]  # fmt: skip


def charts(hours: int = 1) -> dict[str, list[float]]:
    """The course of each figure over the last ``hours``, at most sixty points each, oldest first; WAL in bytes/s."""
    since = timezone.now() - timedelta(hours=hours)
    rows = list(Sample.objects.filter(at__gte=since).order_by("at").values_list("at", "figures"))
    step = max(1, len(rows) // POINTS)
    rows = rows[::step] if step > 1 else rows
    lines: dict[str, list[float]] = {}
    for name in ("rate", "p99", "depth", "queued", "sockets", "workers", "connections", "size"):
        lines[name] = [figures.get(name) or 0 for _, figures in rows]
    lines["wal"] = [
        max(0, (after["wal"] - before["wal"]) / max(1, (later - earlier).total_seconds()))
        for (earlier, before), (later, after) in pairwise(rows)
    ]
    return lines


def group_lines(minutes: int = 30) -> dict[int, list[float]]:
    """The command rate of each group over the last minutes, oldest first."""
    since = timezone.now() - timedelta(minutes=minutes)
    rows = list(Sample.objects.filter(at__gte=since).order_by("at").values_list("groups", flat=True))
    rows = rows[:: max(1, len(rows) // POINTS)]
    names = {name for groups in rows for name in groups}
    return {int(name): [groups.get(name, [0])[0] or 0 for groups in rows] for name in names}


def wal_rate(now: Figures) -> float | None:
    """Bytes of WAL a second since the newest sample that is some seconds old; None without one."""
    before = Sample.objects.filter(at__lt=now.at - timedelta(seconds=5)).order_by("-at").first()
    if before is None or now.at - before.at > timedelta(minutes=5):
        return None
    return max(0.0, (now.database.wal - before.figures["wal"]) / (now.at - before.at).total_seconds())


def pauses() -> list[dict[str, Any]]:
    """Every pause that stands, with the name of what it stops and of the venue, for staff."""
    venues = dict(Venue.objects.filter(fronts=None).values_list("group_id", "name"))
    return [
        {
            "pause": row,
            "where": venues.get(row.group_id, f"risk group {row.group_id}") if row.group_id else "everywhere",
        }
        for row in Pause.objects.standing()
    ]


def waiting_switches() -> QuerySet[SwitchRequest]:
    """Requests that wait for a second person."""
    return SwitchRequest.objects.filter(
        confirmed_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
    ).select_related("asked_by")


def past_switches(limit: int = 20) -> list[SwitchRequest]:
    """The newest requests, whatever came of them."""
    return list(SwitchRequest.objects.select_related("asked_by", "confirmed_by")[:limit])
