"""What an operator wants to know about the engine at a glance."""

import time
from dataclasses import dataclass
from typing import Any

from exchange_os.engine import wire
from exchange_os.engine.connections import make_redis
from exchange_os.engine.models import Incident, RiskGroup

INCIDENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Workers by name, beat's last sign in words, counts of groups, waiting commands by group, open incidents."""

    workers: list[str]
    beat: str
    groups: int
    held: int
    waiting: dict[int, int]
    incidents: list[Incident]


def engine_status() -> EngineStatus:
    """The state of the engine now. Raises ``RedisError`` if the broker is away."""
    with make_redis() as redis:
        prefix = len(wire.worker_key(""))
        workers = sorted(key.decode()[prefix:] for key in redis.scan_iter(wire.worker_key("*"), count=1_000))
        reply: Any = redis.get(wire.BEAT_KEY)
        waiting = {}
        members: Any = redis.smembers(wire.DIRTY_KEY)
        for member in members:
            totals: Any = redis.hmget(wire.group_key(int(member)), "in", "out")
            waiting[int(member)] = int(totals[0] or 0) - int(totals[1] or 0)
    age_ms = time.time_ns() // 1_000_000 - int(reply) if reply else None
    return EngineStatus(
        workers=workers,
        beat="has not reported" if age_ms is None else f"reported {age_ms} ms ago",
        groups=RiskGroup.objects.count(),
        held=RiskGroup.objects.exclude(owner="").count(),
        waiting={group: depth for group, depth in sorted(waiting.items()) if depth > 0},
        incidents=list(Incident.objects.filter(resolved=False).order_by("-created_at")[:INCIDENTS_SHOWN]),
    )
