"""Periodic work of the trader's side: each task names what to look at, so running it twice or late does no harm."""

from celery import shared_task

from trading.services.mandates import settle_mandates


@shared_task(name="trading.sweep_mandates")
def sweep_mandates() -> None:
    """Tell the kernel every mandate it has not answered yet."""
    settle_mandates()
