"""New fees tried on a venue's own journal: what its trades would have paid, to whom, market by market.

Nothing is written: what came of a trial is kept in Redis for an hour, under the venue and the very schedule that was
tried, so that whoever proposes the same fees finds it.
"""

import hashlib
import json
import logging
import time
from dataclasses import asdict
from typing import Any

from celery import current_app
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine.simulation import Run, simulate_change
from exchange_os.errors import DomainError
from venues.fees import FeeSchedule
from venues.models import Role, Venue
from venues.services.fee_changes import fee_frames
from venues.services.roles import require_own_books, require_role
from venues.services.rule_changes import TRIAL_SECONDS, WINDOWS

log = logging.getLogger(__name__)

TRY_TASK = "venues.try_fees"
KEPT_SECONDS = 3_600

#: What is kept: ``commands``, ``since`` (seconds), ``percent``, and ``found`` or ``error`` when it is over.
Trial = dict[str, Any]


def fee_trial(venue: Venue, schedule: FeeSchedule) -> Trial | None:
    """The trial of exactly these fees at the venue, running or over; ``None`` if there is none to know of."""
    trial: Trial | None = cache.get(_key(venue.pk, schedule))
    return None if trial is not None and _is_lost(trial) else trial


def is_trying_fees(trial: Trial | None) -> bool:
    """Whether a trial runs."""
    return trial is not None and not trial["found"] and not trial["error"]


def try_fees(user: AbstractBaseUser, venue: Venue, schedule: FeeSchedule, commands: int) -> None:
    """Start trying fees on the venue's last ``commands`` commands (one of ``WINDOWS``), in a worker.

    Raises ``role_missing``, ``window_unknown``, ``trial_runs`` while one of these fees runs.
    """
    venue = require_role(user, venue, Role.OWNER)
    require_own_books(venue)
    if commands not in WINDOWS:
        raise DomainError("window_unknown", "Choose how far to look back.")
    if is_trying_fees(fee_trial(venue, schedule)):
        raise DomainError("trial_runs", "It is being tried already.")
    _keep(venue.pk, schedule, commands=commands, since=time.time())
    try:
        arguments = [venue.pk, schedule.as_data(), commands]
        current_app.send_task(TRY_TASK, args=arguments, retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("trial of fees of venue %s not sent: %s", venue.pk, error)


def run_fee_trial(venue_id: int, schedule: FeeSchedule, commands: int) -> None:
    """Replay the journal with and without the fees, and keep what came of it."""
    venue, since = Venue.objects.get(pk=venue_id), time.time()
    shown = [-1]

    def tell(done: int, whole: int) -> None:
        percent = done * 100 // max(1, whole)
        if percent != shown[0]:
            shown[0] = percent
            _keep(venue_id, schedule, commands=commands, since=since, percent=percent)

    found: dict[str, Any] = {}
    error = ""
    try:
        tried = simulate_change(venue.group_id, fee_frames(venue, schedule), commands, tell, by_market=True)
        found = {
            "commands": tried.before.commands, "begin_ms": tried.begin_ms, "end_ms": tried.end_ms,
            "seconds": round(tried.seconds, 2), "before": _charged(tried.before), "after": _charged(tried.after),
            "refused": [sum(tried.before.refused.values()), sum(tried.after.refused.values())],
        }  # fmt: skip
    except DomainError as refused:
        error = refused.message
    _keep(venue_id, schedule, commands=commands, since=since, percent=100, found=found, error=error)


def _charged(run: Run) -> dict[int, dict[str, int]]:
    return {market: asdict(charged) for market, charged in run.charged.items()}


def _keep(venue_id: int, schedule: FeeSchedule, **trial: Any) -> None:
    kept: Trial = {"percent": 0, "found": {}, "error": "", **trial}
    cache.set(_key(venue_id, schedule), kept, KEPT_SECONDS)


def _is_lost(trial: Trial) -> bool:
    return is_trying_fees(trial) and time.time() > trial["since"] + TRIAL_SECONDS


def _key(venue_id: int, schedule: FeeSchedule) -> str:
    told = json.dumps(schedule.as_data(), sort_keys=True).encode()
    return f"fee_trial:{venue_id}:{hashlib.sha256(told).hexdigest()[:32]}"
