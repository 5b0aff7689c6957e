"""The exchange now, in figures: from the rows of the database and from what workers and web processes report.

Nothing here asks an engine worker or a kernel for anything: it reads tables and a few keys of Redis.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from django.db.models import Max, Q
from django.utils import timezone
from redis import Redis

from exchange_os.engine import wire
from exchange_os.engine.connections import make_broker_redis, make_redis
from exchange_os.engine.models import RiskGroup, Snapshot
from exchange_os.engine.services import SHARED_QUEUE, queue_of
from exchange_os.engine.tallies import read_tallies
from exchange_os.oracles.models import AlarmCode, OracleAlarm, PriceSource
from venues.models import Venue

TIMEOUT_SECONDS = 2.0
WEB_PREFIX = "xos:web:"
GRADES = {AlarmCode.PRICE_STALE: "stale", AlarmCode.PRICE_VOLATILE: "volatile", AlarmCode.PRICE_THIN: "thin"}


@dataclass(frozen=True)
class GroupFigures:
    """One risk group. ``rate`` in commands a second and ``p50``, ``p99`` in ms of the last ten seconds; ``oldest_ms``
    how long the oldest unanswered entry, ``oldest_entry``, has waited; ``grade`` the worst of its prices, empty without
    any."""

    group: RiskGroup
    venue: Venue | None
    rate: float = 0.0
    p50: float | None = None
    p99: float | None = None
    depth: int = 0
    oldest_ms: int | None = None
    oldest_entry: str = ""
    owner: str = ""
    owner_alive: bool = False
    snapshot_at: datetime | None = None
    grade: str = ""
    alarms: int = 0

    @property
    def trouble(self) -> int:
        """How much this group wants to be looked at; 0 for not at all."""
        late = (self.oldest_ms or 0) > 2_000
        return 4 * (self.group.status != RiskGroup.Status.ACTIVE) + 2 * late + (self.alarms > 0)


@dataclass(frozen=True)
class Database:
    """The database: connections open and allowed, bytes in all and of the journal, WAL written since ever, and the
    seconds of the longest transaction."""

    connections: int
    active: int
    limit: int
    size: int
    journal: int
    wal: int
    longest_s: float


@dataclass(frozen=True)
class Figures:
    """Everything at one moment; ``beat_ms`` is None if beat has not reported lately."""

    at: datetime
    groups: list[GroupFigures]
    workers: dict[str, str]
    queues: dict[str, int]
    beat_ms: int | None
    sockets: int
    webs: int
    database: Database
    tallies: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Commands a second of all groups."""
        return sum(row.rate for row in self.groups)

    @property
    def p99(self) -> float | None:
        """The 99th percentile of the slowest group, in ms."""
        return max((row.p99 for row in self.groups if row.p99 is not None), default=None)

    @property
    def depth(self) -> int:
        """Commands that wait, of all groups."""
        return sum(row.depth for row in self.groups)


def figures() -> Figures:
    """The figures of this moment. Raises ``RedisError`` if the broker is away."""
    with make_redis(TIMEOUT_SECONDS) as redis:
        workers = _workers(redis)
        beat: Any = redis.get(wire.BEAT_KEY)
        tallies = read_tallies(redis)
        depths = _depths(redis)
        webs = _webs(redis)
    return Figures(
        at=timezone.now(),
        groups=_groups(workers, tallies, depths),
        workers=workers,
        queues=_queues(list(workers)),
        beat_ms=time.time_ns() // 1_000_000 - int(beat) if beat else None,
        sockets=sum(int(row.get("sockets", 0)) for row in webs),
        webs=len(webs),
        database=database(),
        tallies=tallies,
    )


def database() -> Database:
    """What the database says of itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()),"
            " current_setting('max_connections')::int, pg_database_size(current_database()),"
            " pg_total_relation_size('engine_journalbatch'), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,"
            " coalesce(extract(epoch FROM max(now() - xact_start) FILTER (WHERE pid <> pg_backend_pid())), 0)::float8"
            " FROM pg_stat_activity WHERE datname = current_database()"
        )
        return Database(*cursor.fetchone())


def _workers(redis: Redis) -> dict[str, str]:
    """Workers alive by name, each ``serving`` or ``idle``."""
    prefix = len(wire.worker_key(""))
    found = {}
    for key in redis.scan_iter(wire.worker_key("*"), count=1_000):
        found[key.decode()[prefix:]] = "serving" if redis.get(key) == b"L" else "idle"
    return dict(sorted(found.items()))


def _webs(redis: Redis) -> list[dict[str, Any]]:
    keys = list(redis.scan_iter(f"{WEB_PREFIX}*", count=1_000))
    return [orjson.loads(body) for key in keys if (body := redis.get(key))]


def _depths(redis: Redis) -> dict[int, tuple[int, int, str]]:
    """Of every group with work: commands that wait, the age of the oldest entry in ms, and its id."""
    now_ms = time.time_ns() // 1_000_000
    found: dict[int, tuple[int, int, str]] = {}
    members: Any = redis.smembers(wire.DIRTY_KEY)
    for group in map(int, members):
        totals: Any = redis.hmget(wire.group_key(group), "in", "out")
        depth = int(totals[0] or 0) - int(totals[1] or 0)
        first: Any = redis.xrange(wire.stream_key(group), count=1)
        if depth > 0 and first:
            entry = first[0][0].decode()
            found[group] = (depth, max(0, now_ms - wire.id_order(entry)[0]), entry)
    return found


def _queues(workers: list[str]) -> dict[str, int]:
    """Messages that wait in each queue of Celery, and those that are being worked on."""
    names = [settings.CELERY_TASK_DEFAULT_QUEUE, SHARED_QUEUE, *sorted({queue_of(name) for name in workers})]
    with make_broker_redis() as broker:
        lengths = {name: int(broker.llen(name)) for name in names}
        return lengths | {"taken, not finished": int(broker.hlen("unacked"))}


def _groups(
    workers: dict[str, str], tallies: dict[str, dict[int, dict[str, Any]]], depths: dict[int, Any]
) -> list[GroupFigures]:
    """Every group that has ever been used, those that want a look first, then by rate."""
    venues = {venue.group_id: venue for venue in Venue.objects.filter(fronts=None).order_by("-pk")}
    snapshots = dict(
        Snapshot.objects.values("group_id").annotate(at=Max("created_at")).values_list("group_id", "at")
    )
    grades, alarms = _grades()
    rows = []
    for group in RiskGroup.objects.filter(Q(head_sequence__gt=0) | ~Q(status="active")).order_by("pk"):
        told = [reported[group.pk] for reported in tallies.values() if group.pk in reported]
        depth, oldest, entry = depths.get(group.pk, (0, None, ""))
        rows.append(
            GroupFigures(
                group=group,
                venue=venues.get(group.pk),
                rate=sum(row["rate"] for row in told),
                p50=max((row["p50"] for row in told if row["p50"] is not None), default=None),
                p99=max((row["p99"] for row in told if row["p99"] is not None), default=None),
                depth=depth,
                oldest_ms=oldest,
                oldest_entry=entry,
                owner=group.owner,
                owner_alive=group.owner in workers,
                snapshot_at=snapshots.get(group.pk),
                grade=grades.get(group.pk, ""),
                alarms=alarms.get(group.pk, 0),
            )
        )
    return sorted(rows, key=lambda row: (-row.trouble, -row.rate, -row.group.head_sequence))


def _grades() -> tuple[dict[int, str], dict[int, int]]:
    """The worst grade of each group's prices, as its open alarms tell it, and how many alarms are open."""
    grades = dict.fromkeys(
        PriceSource.objects.filter(enabled=True).values_list("group_id", flat=True).distinct(), "valid"
    )
    worst = ["valid", *reversed(list(GRADES.values()))]
    alarms: dict[int, int] = {}
    for group, code in OracleAlarm.objects.filter(closed=None).values_list("group_id", "code"):
        alarms[group] = alarms.get(group, 0) + 1
        grade = GRADES.get(AlarmCode(code), "valid")
        if worst.index(grade) > worst.index(grades.get(group, "valid")):
            grades[group] = grade
    return grades, alarms
