"""Periodic work of the deployer's side: each task names what to look at, so running it twice or late does no harm."""

import logging
import time
from typing import Any

from celery import shared_task
from django.core.cache import cache

from exchange_os.errors import DomainError
from exchange_os.ledger.services import check_ledger
from exchange_os.ledger.services.check import LEDGER_KEY
from venues.fees import FeeSchedule
from venues.services.capacity import tell_capacities
from venues.services.collateral import tell_collateral
from venues.services.events import follow_events
from venues.services.fee_changes import apply_due_fees
from venues.services.fee_tiers import assign_all_tiers
from venues.services.fee_trials import run_fee_trial
from venues.services.kyc_cases import screen_again
from venues.services.kyc_documents import shred_old
from venues.services.launch import drive_launch, unfinished_launches
from venues.services.operate import end_halts
from venues.services.pulse import sample_venues
from venues.services.rollups import add_up_revenue, forget_old_volumes
from venues.services.rule_changes import apply_due_changes, run_trial
from venues.services.stake_prices import watch_stake_prices
from venues.services.totals import kernel_totals
from venues.services.two_people import run_due_acts
from venues.services.webhooks import deliver_due
from venues.services.winding import follow_winding

log = logging.getLogger(__name__)


@shared_task(name="venues.drive_launch")
def drive_one_launch(venue_id: int) -> None:
    """Drive one launch now; if the engine is away the sweeper takes it up."""
    try:
        drive_launch(venue_id)
    except DomainError as error:
        log.info("launch of venue %s waits: %s", venue_id, error.message)


@shared_task(name="venues.sweep_launches")
def sweep_launches() -> None:
    """Drive every launch that is not done."""
    for venue_id in unfinished_launches():
        drive_one_launch(venue_id)


@shared_task(name="venues.sweep_capacity")
def sweep_capacity() -> None:
    """Read the price of stake, then tell the kernel of every venue whose capacity has changed with it or with stake,
    and how much of an asset whose grade has changed counts as collateral."""
    watch_stake_prices()
    tell_capacities()
    tell_collateral()


@shared_task(name="venues.sweep_events")
def sweep_events() -> None:
    """Close events whose time has come, and pay those whose window has passed without a challenge."""
    follow_events()


@shared_task(name="venues.sweep_samples")
def sweep_samples() -> None:
    """Keep this hour's figures of every venue that trades and does not have them yet."""
    sample_venues()


@shared_task(name="venues.nightly_documents")
def nightly_documents() -> None:
    """Shred documents of applications whose time is up."""
    shred_old()


@shared_task(name="venues.nightly_screening", soft_time_limit=1_700, time_limit=1_800)
def nightly_screening() -> None:
    """Screen holders of desks' credentials anew: lists change, and so do adapters' answers."""
    screen_again()


@shared_task(name="venues.sweep_revenue")
def sweep_revenue() -> None:
    """Add up what was traded since the last time, and put changes of fees in force whose time has come."""
    add_up_revenue()
    apply_due_fees()


@shared_task(name="venues.nightly_tiers")
def nightly_tiers() -> None:
    """Give every account the fee tier of what it traded in 30 days, and forget what no tier looks back to."""
    assign_all_tiers()
    forget_old_volumes()


@shared_task(name="venues.sweep_changes")
def sweep_changes() -> None:
    """What the clock brings: acts of lone members, halts that are over, changes of rules and ends of venues."""
    run_due_acts()
    end_halts()
    follow_winding()
    apply_due_changes()


@shared_task(name="venues.sweep_webhooks")
def sweep_webhooks() -> None:
    """Tell webhooks what is due."""
    deliver_due()


@shared_task(name="venues.try_fees")
def try_one_schedule(venue_id: int, schedule: dict[str, Any], commands: int) -> None:
    """Try new fees on a venue's journal."""
    run_fee_trial(venue_id, FeeSchedule.of(schedule), commands)


@shared_task(name="venues.try_change")
def try_one_change(change_id: int) -> None:
    """Try one change on its venue's journal."""
    run_trial(change_id)


@shared_task(name="venues.nightly_ledger")
def nightly_ledger() -> None:
    """Add up the ledger and compare it with every kernel; a fault is logged as an error, one line each."""
    report = check_ledger(kernel_totals)
    for fault in report.faults:
        log.error("ledger: %s", fault)
    cache.set(LEDGER_KEY, {"faults": len(report.faults), "at": time.time()}, None)
    log.info(
        "ledger: %d accounts, %d entries, %d groups checked", report.accounts, report.entries, report.groups
    )
