"""Celery's side of the engine. Tasks are doorbells: each may be lost, late, or delivered five times at once."""

import logging
from datetime import UTC, datetime
from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_ready, worker_shutdown, worker_shutting_down
from redis.exceptions import RedisError

from exchange_os.engine import sweeper
from exchange_os.engine.partitions import add_partitions
from exchange_os.engine.services import SHARED_QUEUE, queue_of
from exchange_os.engine.worker import close_worker, current_worker, start_worker

log = logging.getLogger(__name__)

_engine_workers: set[str] = set()


@shared_task(name="exchange_os.engine.tasks.drain", bind=True)
def drain(self: Any, group: int) -> None:
    """Serve ``group``, and whatever else waits for this worker, until it is quiet."""
    start_worker(_name(self.request.hostname or "engine")).serve(group)


@shared_task(name="exchange_os.engine.tasks.sweep")
def sweep() -> None:
    """Every second: wake stuck streams, tick due timers, send the outbox again."""
    sweeper.sweep_streams()
    sweeper.sweep_timers()
    sweeper.sweep_outbox()


@shared_task(name="exchange_os.engine.tasks.nightly_partitions")
def nightly_partitions() -> None:
    """Every night: make the partitions of the months to come."""
    add_partitions(datetime.now(UTC).date())


@celeryd_after_setup.connect
def consume_own_queue(sender: str, instance: Any, **_: Any) -> None:
    """A worker of the shared queue also takes the wakes of the groups it owns, from a queue of its own."""
    if SHARED_QUEUE in instance.app.amqp.queues.consume_from:
        instance.app.amqp.queues.select_add(queue_of(_name(sender)))
        _engine_workers.add(sender)


@worker_ready.connect
def begin(sender: Any, **_: Any) -> None:
    """Show up before the first wake, and in the place of the process that was here before."""
    if sender.hostname in _engine_workers:
        worker = start_worker(_name(sender.hostname))
        try:
            sweeper.succeed(worker.incarnation)
        except (RedisError, OSError) as error:
            log.warning("the broker is away; the sweeper wakes what is left: %s", error)


@worker_shutting_down.connect
def leave_the_loop(**_: Any) -> None:
    """The process was asked to end: let the loop return to Celery."""
    worker = current_worker()
    if worker is not None:
        worker.stop()


@worker_shutdown.connect
def end(**_: Any) -> None:
    """Give every group up in good order."""
    close_worker()


def _name(hostname: str) -> str:
    """A worker's name for people and queues: Celery puts ``celery@`` before a name without a host."""
    return hostname.removeprefix("celery@")
