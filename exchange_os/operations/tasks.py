"""Tasks of operations: doorbells, safe to ring twice."""

from celery import shared_task

from exchange_os.operations.services import take_sample, thin_samples


@shared_task(name="operations.sample")
def sample() -> None:
    """Every ten seconds: keep the figures of this moment."""
    take_sample()


@shared_task(name="operations.nightly_samples")
def nightly_samples() -> int:
    """Every night: thin the figures of the days before."""
    return thin_samples()
