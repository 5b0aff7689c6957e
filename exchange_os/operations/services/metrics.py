"""The figures as Prometheus reads them, gathered at each scrape; those of this web process come with them."""

from collections.abc import Iterator

from django.core.cache import cache
from django.db import connections
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from exchange_os.engine.models import Incident
from exchange_os.engine.tallies import BOUNDS_MS
from exchange_os.ledger.models import Pause
from exchange_os.ledger.services.check import LEDGER_KEY
from exchange_os.operations.meters import REGISTRY
from exchange_os.operations.selectors.figures import Figures, figures
from exchange_os.oracles.models import OracleAlarm, PriceSource

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def exposition() -> bytes:
    """Everything in the text format. Raises ``RedisError`` if the broker is away."""
    registry = CollectorRegistry()
    registry.register(_Moment(figures()))
    return bytes(generate_latest(registry) + generate_latest(REGISTRY))


class _Moment(Collector):
    """The figures of one moment as families of metrics."""

    def __init__(self, now: Figures) -> None:
        self._now = now

    def collect(self) -> Iterator[Family]:
        """Each family once."""
        yield from self._engine()
        yield from self._groups()
        yield from self._stores()
        yield from self._health()

    def _engine(self) -> Iterator[Family]:
        commands = CounterMetricFamily(
            "exchange_engine_commands",
            "Commands made durable, by worker and group.",
            labels=["worker", "group"],
        )
        latency = HistogramMetricFamily(
            "exchange_engine_batch_seconds", "From taking a batch to its answers.", labels=["worker", "group"]
        )
        for worker, rows in self._now.tallies.items():
            for group, row in rows.items():
                commands.add_metric([worker, str(group)], row["commands"])
                reached, buckets = 0, []
                for bound, count in zip(BOUNDS_MS, row["buckets"], strict=False):
                    reached += count
                    buckets.append((str(bound / 1000), reached))
                buckets.append(("+Inf", row["batches"]))
                latency.add_metric([worker, str(group)], buckets, row["total_ms"] / 1000)
        yield commands
        yield latency
        yield GaugeMetricFamily("exchange_engine_workers", "Engine workers alive.", len(self._now.workers))

    def _groups(self) -> Iterator[Family]:
        families = {
            name: GaugeMetricFamily(f"exchange_group_{name}", words, labels=["group"])
            for name, words in (
                ("stream_depth", "Commands that wait in the group's stream."),
                ("oldest_seconds", "Age of the oldest unanswered entry."),
                ("journal_head", "Sequence of the journal's head."),
                ("epoch", "Owners the group has had."),
                ("snapshot_age_seconds", "Age of the newest snapshot."),
                ("active", "1 if the group is active."),
            )
        }
        for row in self._now.groups:
            label = [str(row.group.pk)]
            families["stream_depth"].add_metric(label, row.depth)
            families["oldest_seconds"].add_metric(label, (row.oldest_ms or 0) / 1000)
            families["journal_head"].add_metric(label, row.group.head_sequence)
            families["epoch"].add_metric(label, row.group.epoch)
            families["active"].add_metric(label, row.group.status == "active")
            if row.snapshot_at is not None:
                age = (self._now.at - row.snapshot_at).total_seconds()
                families["snapshot_age_seconds"].add_metric(label, age)
        yield from families.values()

    def _stores(self) -> Iterator[Family]:
        data = self._now.database
        queues = GaugeMetricFamily("exchange_queue_length", "Messages in a Celery queue.", labels=["queue"])
        for name, length in self._now.queues.items():
            queues.add_metric([name], length)
        yield queues
        yield GaugeMetricFamily(
            "exchange_sockets_total_open", "Sockets open in all processes.", self._now.sockets
        )
        yield GaugeMetricFamily("exchange_database_connections", "Connections open.", data.connections)
        yield GaugeMetricFamily("exchange_database_connections_limit", "Connections allowed.", data.limit)
        yield GaugeMetricFamily("exchange_database_bytes", "Size of the database.", data.size)
        yield GaugeMetricFamily("exchange_journal_bytes", "Size of the journal.", data.journal)
        yield CounterMetricFamily("exchange_database_wal_bytes", "WAL written.", data.wal)
        yield GaugeMetricFamily(
            "exchange_database_longest_seconds", "Longest open transaction.", data.longest_s
        )
        pool = GaugeMetricFamily("exchange_database_pool", "This process's pool.", labels=["figure"])
        for name, value in _pool_figures().items():
            pool.add_metric([name], value)
        yield pool

    def _health(self) -> Iterator[Family]:
        beat = self._now.beat_ms
        yield GaugeMetricFamily("exchange_beat_up", "1 if beat has reported lately.", beat is not None)
        ages = GaugeMetricFamily(
            "exchange_oracle_age_seconds",
            "Age of what a source said last.",
            labels=["group", "market", "source"],
        )
        now_ms = self._now.at.timestamp() * 1000
        for source in PriceSource.objects.filter(enabled=True, last_published_ms__gt=0):
            label = [str(source.group_id), str(source.market), str(source.number)]
            ages.add_metric(label, max(0.0, (now_ms - source.last_published_ms) / 1000))
        yield ages
        alarms = GaugeMetricFamily("exchange_alarms_open", "Alarms that are open.", labels=["kind"])
        alarms.add_metric(["oracle"], OracleAlarm.objects.filter(closed=None).count())
        alarms.add_metric(["engine"], Incident.objects.filter(resolved=False).count())
        yield alarms
        yield GaugeMetricFamily(
            "exchange_pauses", "Switches that stop something.", Pause.objects.standing().count()
        )
        checked = cache.get(LEDGER_KEY)
        if checked is not None:
            yield GaugeMetricFamily("exchange_ledger_faults", "Faults of the last check.", checked["faults"])
            yield GaugeMetricFamily("exchange_ledger_checked_timestamp", "When it was.", checked["at"])


def _pool_figures() -> dict[str, int]:
    """Size, idle and waiting of this process's pool of connections; empty without one."""
    pool = getattr(connections["default"], "pool", None)
    if pool is None:
        return {}
    told = pool.get_stats()
    return {name: int(told.get(f"{key}", 0)) for name, key in (
        ("size", "pool_size"), ("idle", "pool_available"), ("waiting", "requests_waiting"),
    )}  # fmt: skip
