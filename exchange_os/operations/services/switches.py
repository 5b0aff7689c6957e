"""Pause switches: one member of staff asks, another confirms, and only then does a function stop or resume.

Liquidations are held back for an hour, then go on by themselves; two people may ask for another hour while it runs.

Both are staff with a second factor of their own; who asked cannot confirm. Every request stays, whatever came of it.
"""

from datetime import timedelta

import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Pause, PauseFunction
from exchange_os.operations.models import SwitchRequest
from exchange_os.operations.services.holding import send_holds
from exchange_os.ui.access import has_second_factor
from venues.services.deployer_notices import tell_of_pause

log = structlog.get_logger(__name__)

CONFIRM_MINUTES = 15
HOLD = timedelta(hours=1)


def ask_switch(
    user: AbstractBaseUser, function: str, group_id: int, *, pause: bool, reason: str
) -> SwitchRequest:
    """Ask for a function to stop (or with ``pause`` False to resume), for a risk group or, with 0, everywhere.

    The reason (10 to 300 characters) is shown to everybody while the pause stands. Raises ``staff_only``,
    ``function_unknown``, ``group_unknown``, ``reason_missing``, ``switch_stands`` if that is how it is already,
    ``switch_waits`` if the same is asked for already.
    """
    _check_staff(user)
    words = " ".join(reason.split())
    if function not in PauseFunction.values:
        raise DomainError("function_unknown", "There is no such switch.", field="function")
    if group_id and not RiskGroup.objects.filter(pk=group_id).exists():
        raise DomainError("group_unknown", f"There is no risk group {group_id}.", field="group")
    if not 10 <= len(words) <= 300:
        raise DomainError(
            "reason_missing", "Say in 10 to 300 characters why; everybody can read it.", field="reason"
        )
    now = timezone.now()
    with transaction.atomic():
        _lock_switches()
        _check_moves(function, group_id, pause)
        same = SwitchRequest.objects.filter(function=function, group_id=group_id, pause=pause)
        if same.filter(confirmed_at=None, withdrawn_at=None, expires_at__gt=now).exists():
            raise DomainError("switch_waits", "The same is asked for already and waits for a second person.")
        made = SwitchRequest.objects.create(
            function=function,
            group_id=group_id,
            pause=pause,
            reason=words,
            asked_by_id=user.pk,
            asked_at=now,
            expires_at=now + timedelta(minutes=CONFIRM_MINUTES),
        )
    log.warning("switch_asked", function=function, group=group_id, pause=pause, user=user.pk)
    return made


def confirm_switch(user: AbstractBaseUser, request_id: int) -> SwitchRequest:
    """Confirm what another member of staff asked for, and do it.

    Raises ``staff_only``, ``switch_unknown``, ``same_person``, ``switch_over``, ``requester_gone``, ``switch_stands``.
    """
    _check_staff(user)
    with transaction.atomic():
        _lock_switches()
        asked = _waiting(request_id)
        if asked.asked_by_id == user.pk:
            raise DomainError("same_person", "You asked for it; somebody else must confirm.")
        if not _is_staff(get_user_model().objects.get(pk=asked.asked_by_id)):
            raise DomainError("requester_gone", "Who asked for it is staff no more; ask for it anew.")
        _check_moves(asked.function, asked.group_id, asked.pause)
        now = timezone.now()
        if asked.pause:
            until = now + HOLD if asked.function == PauseFunction.LIQUIDATE else None
            Pause.objects.update_or_create(
                function=asked.function,
                group_id=asked.group_id,
                defaults={"reason": asked.reason, "until": until},
                create_defaults={"reason": asked.reason, "until": until, "since": now},
            )
        else:
            Pause.objects.filter(function=asked.function, group_id=asked.group_id).delete()
        asked.confirmed_by_id, asked.confirmed_at = user.pk, now
        asked.save(update_fields=["confirmed_by", "confirmed_at"])
        tell_of_pause(
            str(PauseFunction(asked.function).label).lower(),
            asked.group_id,
            paused=asked.pause,
            reason=asked.reason,
            source=f"switch {asked.pk}",
        )
        if asked.function == PauseFunction.LIQUIDATE:
            transaction.on_commit(send_holds)
    log.warning(
        "switch_moved", function=asked.function, group=asked.group_id, pause=asked.pause, user=user.pk
    )
    return asked


def withdraw_switch(user: AbstractBaseUser, request_id: int) -> SwitchRequest:
    """Take back what waits for a second person; any member of staff may. Raises as ``confirm_switch``."""
    _check_staff(user)
    with transaction.atomic():
        _lock_switches()
        asked = _waiting(request_id)
        asked.withdrawn_at = timezone.now()
        asked.save(update_fields=["withdrawn_at"])
    return asked


def _waiting(request_id: int) -> SwitchRequest:
    asked = SwitchRequest.objects.select_for_update().filter(pk=request_id).first()
    if asked is None:
        raise DomainError("switch_unknown", "There is no such request.")
    if asked.confirmed_at or asked.withdrawn_at or asked.expires_at <= timezone.now():
        raise DomainError(
            "switch_over", "It was confirmed, withdrawn or not confirmed in time; ask for it anew."
        )
    return asked


def _lock_switches() -> None:
    """One move at a time: of two that ask for the same the second sees the first."""
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('operations.switches'))")


def _check_moves(function: str, group_id: int, pause: bool) -> None:
    if pause and function == PauseFunction.LIQUIDATE:
        return  # what stands is made longer
    if Pause.objects.standing().filter(function=function, group_id=group_id).exists() == pause:
        raise DomainError("switch_stands", "It is paused already." if pause else "It is not paused.")


def _check_staff(user: AbstractBaseUser) -> None:
    if not _is_staff(user):
        raise DomainError(
            "staff_only", "Only staff with a second factor move switches; add one under Security."
        )


def _is_staff(user: AbstractBaseUser) -> bool:
    return bool(user.is_active and getattr(user, "is_staff", False) and has_second_factor(user))
