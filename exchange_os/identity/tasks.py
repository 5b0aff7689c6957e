"""Periodic work of identity."""

from celery import shared_task

from exchange_os.identity.services import delete_abandoned_sign_ups


@shared_task(name="identity.nightly_sign_ups")
def nightly_sign_ups() -> None:
    """Delete users who never finished to sign up."""
    delete_abandoned_sign_ups()
