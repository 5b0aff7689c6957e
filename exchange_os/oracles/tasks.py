"""Celery's side of the oracles: doorbells. Which source is due is a fact of the database."""

from celery import shared_task

from exchange_os.engine.clock import wall_ms
from exchange_os.oracles.selectors import due_groups
from exchange_os.oracles.services.observing import observe_group
from exchange_os.oracles.services.retention import forget_observations


@shared_task(name="oracles.sweep_prices")
def sweep_prices() -> None:
    """Every second: one task for each group with a source that is due. Groups without sources cost nothing."""
    for group_id in due_groups(wall_ms()):
        observe_one_group.apply_async((group_id,), expires=5)


@shared_task(name="oracles.observe_group", soft_time_limit=30, time_limit=40)
def observe_one_group(group_id: int) -> None:
    """Ask the sources of one group that are due."""
    observe_group(group_id)


@shared_task(name="oracles.nightly_retention")
def nightly_retention() -> None:
    """Forget old observations."""
    forget_observations()
