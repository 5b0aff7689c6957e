"""Periodic work of the trader's side: each task names what to look at, so running it twice or late does no harm."""

import time

from celery import shared_task

from trading.services.equity import record_everyone, thin_equity
from trading.services.exports import delete_expired_exports, unwritten_exports, write_export
from trading.services.fees import catch_up
from trading.services.fronts import follow_fronts
from trading.services.mandates import settle_mandates
from trading.services.notifications import delete_old_notifications, notify_all
from trading.services.permissions import follow_permissions


@shared_task(name="trading.sweep_permissions")
def sweep_permissions() -> None:
    """Decide anew what accounts may do where something has changed, and tell the kernels."""
    follow_permissions()


@shared_task(name="trading.sweep_fronts")
def sweep_fronts() -> None:
    """Open venues whose front was consented to, and bind the accounts of those whose notice has passed."""
    follow_fronts()


@shared_task(name="trading.sweep_mandates")
def sweep_mandates() -> None:
    """Tell the kernel every mandate it has not answered yet."""
    settle_mandates()


@shared_task(name="trading.sweep_equity")
def sweep_equity() -> None:
    """Value accounts that have no point of this hour yet."""
    record_everyone(time.time_ns() // 1_000_000)


@shared_task(name="trading.sweep_fees")
def sweep_fees() -> None:
    """Add up the fees of long pasts that somebody has asked for."""
    catch_up()


@shared_task(name="trading.nightly_equity")
def nightly_equity() -> None:
    """Thin the curves of equity."""
    thin_equity(time.time_ns() // 1_000_000)


@shared_task(name="trading.write_export", soft_time_limit=1_700, time_limit=1_800)
def write_one_export(export_id: int) -> None:
    """Write one export; told twice, the second finds the first at work."""
    write_export(export_id)


@shared_task(name="trading.sweep_exports")
def sweep_exports() -> None:
    """Ring for exports that nobody writes."""
    for export_id in unwritten_exports():
        write_one_export.apply_async((export_id,), expires=10)


@shared_task(name="trading.nightly_exports")
def nightly_exports() -> None:
    """Delete exports that have expired."""
    delete_expired_exports()


@shared_task(name="trading.sweep_notifications")
def sweep_notifications() -> None:
    """Tell users what happened since the last time."""
    notify_all()


@shared_task(name="trading.nightly_notifications")
def nightly_notifications() -> None:
    """Delete old notifications."""
    delete_old_notifications()
