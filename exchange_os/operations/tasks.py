"""Tasks of operations: doorbells, safe to ring twice."""

from celery import shared_task

from exchange_os.operations.services import check_audit, take_sample, tell_holds, thin_samples


@shared_task(name="operations.sample")
def sample() -> None:
    """Every ten seconds: keep the figures of this moment, and tell holds that were not told."""
    tell_holds()
    take_sample()


@shared_task(name="operations.tell_holds")
def tell_of_holds() -> None:
    """A switch of liquidations was moved: tell the kernels."""
    tell_holds()


@shared_task(name="operations.nightly_samples")
def nightly_samples() -> int:
    """Every night: thin the figures of the days before."""
    return thin_samples()


@shared_task(name="operations.nightly_audit", time_limit=900, soft_time_limit=840)
def nightly_audit() -> int:
    """Every night: recompute the chain of the audit trail; how many events hold."""
    return check_audit().events
