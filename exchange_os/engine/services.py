"""What other apps may ask of the engine besides submitting commands: make a group, wake a group."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from exchange_os.engine.models import RiskGroup

log = logging.getLogger(__name__)

DRAIN_TASK = "exchange_os.engine.tasks.drain"
SHARED_QUEUE = "engine"


def create_group() -> RiskGroup:
    """Make an empty risk group: one row. It costs nothing else until its first command."""
    return RiskGroup.objects.create()


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
        log.warning("wake of risk group %s not sent: %s", group, error)
        return False
    return True


def wake_on_commit(group: int) -> None:
    """Send a wake after the current transaction commits."""
    transaction.on_commit(partial(send_wake, group))
