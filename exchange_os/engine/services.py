"""What other apps may ask of the engine besides submitting commands: make a group, wake a group."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import F
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from exchange_os.engine import wire
from exchange_os.engine.connections import make_broker_redis, make_redis
from exchange_os.engine.models import Incident, RiskGroup

log = logging.getLogger(__name__)

DRAIN_TASK = "exchange_os.engine.tasks.drain"
SHARED_QUEUE = "engine"


def create_group() -> RiskGroup:
    """Make an empty risk group: one row. It costs nothing else until its first command."""
    return RiskGroup.objects.create()


def resume_group(group: int) -> None:
    """Let a halted or cancel-only group go on, after an operator has looked at its incidents.

    Markets that were halted stay so until they are opened again. The next wake rebuilds the kernel from the journal,
    and halts the group once more if that still does not hold.
    """
    with transaction.atomic():
        RiskGroup.objects.filter(pk=group).update(
            status=RiskGroup.Status.ACTIVE, epoch=F("epoch") + 1, owner=""
        )
        Incident.objects.filter(group_id=group).update(resolved=True)
    with make_redis() as redis:
        redis.hdel(wire.group_key(group), "h")


def queue_of(worker: str) -> str:
    """The queue which only the worker ``worker`` (``name/incarnation`` or its name) consumes."""
    return f"{SHARED_QUEUE}.{worker.partition('/')[0]}"


def send_wake(group: int, worker: str = "*") -> bool:
    """Ask ``worker`` (or any, for ``*``) to drain a group. A lost wake is repeated by the sweeper within a second.

    Returns whether the broker took it; never raises for a broker that is away.
    """
    queue = SHARED_QUEUE if worker in ("", "*") else queue_of(worker)
    try:
        current_app.send_task(DRAIN_TASK, args=[group], queue=queue, retry=False, ignore_result=True)
    except (BrokerError, KombuError, RedisError, OSError) as error:
        log.warning("a wake was not sent: %s", error, extra={"group": group})
        return False
    return True


def leave_one_wake(worker: str) -> None:
    """See that one wake, and no more, waits in the own queue of a worker whose loop ends while there is work.

    Each loop takes one message, so a worker that is never quiet would let them pile up. What they name is in the set of
    the worker's wakes as well: one is as good as all. Raises ``RedisError``.
    """
    with make_broker_redis() as broker:
        queue = queue_of(worker)
        broker.ltrim(queue, -1, -1)
        if not broker.llen(queue):
            send_wake(0, worker)


def wake_on_commit(group: int) -> None:
    """Send a wake after the current transaction commits."""
    transaction.on_commit(partial(send_wake, group))
