"""Changes of a market's rules, as pull requests: drafted, tried on the venue's own journal, announced, put in force.

What can hurt who holds a position or an order waits ``CHANGE_NOTICE_HOURS`` in public view. What leaves less margin
behind positions needs a second person first. Anything else is due at once. ``apply_due_changes`` tells the kernel the
new values, which may be repeated, and then moves the row, once. Undoing is the opposite change, under the same rules.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import exchange_kernel as kernel
from celery import current_app
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine import client
from exchange_os.engine.simulation import Run, simulate_change
from exchange_os.errors import DomainError
from exchange_os.parameters.selectors import whole
from venues.models import (
    RULE_MOVES,
    Market,
    PendingAct,
    PendingState,
    Phase,
    Role,
    RuleChange,
    RuleState,
    Venue,
)
from venues.rules import (
    BY_NAME,
    current_values,
    frames_of,
    hurts,
    read_changes,
    risks,
    shown,
    with_values,
)
from venues.selectors import LIVE_STATES
from venues.services.acts import note_act
from venues.services.asking import KernelRefused, ask
from venues.services.roles import require_role
from venues.services.two_people import dangerous, request_act

log = logging.getLogger(__name__)

TRY_TASK = "venues.try_change"
WINDOWS = (10_000, 100_000, 1_000_000)
TRIAL_SECONDS = 120
TIMEOUT_SECONDS = 10.0
SHOWN_ACCOUNTS = 50
OVER = (Phase.PENDING, Phase.SETTLING, Phase.SETTLED)


def draft_change(user: AbstractBaseUser, venue: Venue, number: int, data: Mapping[str, Any]) -> RuleChange:
    """A draft of new rules for a market, as typed. Raises ``role_missing``, ``market_unknown``, ``nothing_changes``, or
    ``Refusals`` with every field at fault."""
    venue = require_role(user, venue, Role.OWNER)
    market = _market(venue, number)
    return _draft(user, venue, market, read_changes(data, market))


def submit_change(user: AbstractBaseUser, change: RuleChange, words: str) -> RuleChange:
    """Propose a draft, with a reason that traders can read.

    Raises ``role_missing``, ``rules_moved`` if the rules are no longer those it was drafted against, ``change_waits``
    if another change of the market waits, ``reason_missing``.
    """
    require_role(user, change.venue, Role.OWNER)
    reason = " ".join(words.split())
    try:
        with transaction.atomic():
            locked = _locked(change.pk)
            _check_base(locked)
            locked.words = reason[:300]
            if locked.risky:
                _move(locked, RuleState.WAITING)
                request_act(user, change.venue, "change_rules", _parameters(locked), reason)
                return locked
            if not 10 <= len(reason) <= 300:
                raise DomainError(
                    "reason_missing", "Say in 10 to 300 characters why; traders can read it.", field="words"
                )
            _announce(locked, user)
    except IntegrityError as waits:
        raise DomainError(
            "change_waits", f"Another change of {change.market.symbol} waits; withdraw it first."
        ) from waits
    return locked


def withdraw_change(user: AbstractBaseUser, change: RuleChange) -> RuleChange:
    """Take back a change that is not in force yet. Raises ``role_missing``, ``change_over``."""
    require_role(user, change.venue, Role.OWNER)
    with transaction.atomic():
        locked = _locked(change.pk)
        _move(locked, RuleState.WITHDRAWN)
        waiting = PendingAct.objects.filter(
            venue=locked.venue, act="change_rules", parameters__change=locked.pk, state=PendingState.WAITING
        )
        waiting.update(state=PendingState.WITHDRAWN, over=timezone.now())
        note_act(
            locked.venue,
            user,
            "withdrew the change of",
            locked.market.symbol,
            before=_words(locked, locked.values),
        )
    return locked


def undo_change(user: AbstractBaseUser, change: RuleChange) -> RuleChange:
    """Propose the opposite of a change that is in force. Raises as ``submit_change``, ``change_not_live``."""
    venue = require_role(user, change.venue, Role.OWNER)
    change = changes_of_rules(venue).get(pk=change.pk)
    if change.state != RuleState.LIVE:
        raise DomainError("change_not_live", "Only a change in force can be undone.")
    now = current_values(change.market)
    back = {name: value for name, value in change.before.items() if now[name] != value}
    if not back:
        raise DomainError("nothing_changes", "The rules are as they were before this change.")
    with transaction.atomic():
        draft = _draft(user, venue, change.market, back, undoes=change)
        return submit_change(
            user, draft, f"Undoes the change of {change.applied:%j %B %Y}.".replace(" 0", " ")
        )


@dangerous("change_rules", "less margin or a weaker price behind positions", Role.OWNER)
def _approved(user: AbstractBaseUser, venue: Venue, parameters: dict[str, Any]) -> None:
    """A second person has approved a risky change (or its time has come): announce it."""
    with transaction.atomic():
        change = _locked(int(parameters["change"]))
        if change.state != RuleState.WAITING:
            return
        if _parameters(change) != parameters:
            raise DomainError("digest_differs", "The change is not what was approved.")
        _check_base(change)
        _announce(change, user)


def apply_due_changes() -> int:
    """Put every change in force whose time has come; how many were. Those that nobody approved in time are over."""
    alive = PendingAct.objects.filter(
        act="change_rules", state__in=(PendingState.WAITING, PendingState.DOING)
    ).values_list("parameters__change", flat=True)
    for change in RuleChange.objects.filter(state=RuleState.WAITING).exclude(pk__in=list(alive)):
        RuleChange.objects.filter(pk=change.pk, state=RuleState.WAITING).update(state=RuleState.WITHDRAWN)
    due = RuleChange.objects.filter(state=RuleState.LOCKED, effective__lte=timezone.now())
    applied = 0
    for change in due.order_by("effective", "pk"):
        try:
            applied += apply_change(change.pk)
        except DomainError as away:
            log.warning("change %s of venue %s waits: %s", change.pk, change.venue_id, away.message)
    return applied


def apply_change(change_id: int) -> bool:
    """Tell the kernel a change that is due, then say that it is in force; whether this call did so.

    Twice at once or after a crash in the middle does no harm: the values are absolute, and the row moves once. A
    refusal, or rules that have moved since, ends the change. Raises the engine's ``DomainError``; call again then.
    """
    change = RuleChange.objects.select_related("venue", "market", "market__quote").get(pk=change_id)
    if change.state != RuleState.LOCKED or change.venue.state not in LIVE_STATES:
        return False
    error = ""
    try:
        _check_base(change)
        _tell(change)
    except DomainError as refused:
        if not isinstance(refused, KernelRefused) and refused.code != "rules_moved":
            raise
        error = refused.message
    with transaction.atomic():
        locked = _locked(change_id)
        if locked.state != RuleState.LOCKED:
            return False
        if error:
            locked.error = error[:300]
            _move(locked, RuleState.FAILED)
            note_act(locked.venue, None, "could not change", locked.market.symbol, words=error)
            return False
        with_values(locked.market, locked.values)
        locked.market.save(update_fields=["band_ppm", "min_size_lots", "params"])
        locked.applied = timezone.now()
        _move(locked, RuleState.LIVE)
        note_act(
            locked.venue, None, "changed", locked.market.symbol, words=locked.words,
            before=_words(locked, locked.before), after=_words(locked, locked.values),
        )  # fmt: skip
    return True


def try_change(user: AbstractBaseUser, change: RuleChange, commands: int) -> RuleChange:
    """Start trying a change on the venue's last ``commands`` commands (one of ``WINDOWS``), in a worker.

    Raises ``role_missing``, ``window_unknown``, ``trial_runs`` while one runs.
    """
    require_role(user, change.venue, Role.OWNER)
    if commands not in WINDOWS:
        raise DomainError("window_unknown", "Choose how far to look back.")
    with transaction.atomic():
        locked = _locked(change.pk)
        if is_trying(locked):
            raise DomainError("trial_runs", "It is being tried already.")
        locked.trying_since, locked.tried_commands = timezone.now(), commands
        locked.simulation, locked.trial_error = {}, ""
        locked.save(update_fields=["trying_since", "tried_commands", "simulation", "trial_error"])
        cache.set(_progress_key(locked), 0, TRIAL_SECONDS * 2)
        transaction.on_commit(partial(_send_trial, locked.pk))
    return locked


def run_trial(change_id: int) -> None:
    """Replay the journal with and without a change, and keep what came of it."""
    change = RuleChange.objects.select_related("venue", "market", "market__quote").get(pk=change_id)
    if change.trying_since is None:
        return
    key = _progress_key(change)

    def tell(done: int, whole: int) -> None:
        cache.set(key, done * 100 // max(1, whole), TRIAL_SECONDS * 2)

    kept: dict[str, Any] = {"simulation": {}, "trial_error": ""}
    try:
        frames = frames_of(change.market, change.values, _known(change))
        found = simulate_change(change.venue.group_id, frames, change.tried_commands, _sparing(tell))
        kept["simulation"] = {
            "first": found.first, "last": found.last, "begin_ms": found.begin_ms, "end_ms": found.end_ms,
            "seconds": round(found.seconds, 2), "before": _kept(found.before), "after": _kept(found.after),
        }  # fmt: skip
    except DomainError as refused:
        kept["trial_error"] = refused.message[:300]
    RuleChange.objects.filter(pk=change_id, trying_since=change.trying_since).update(
        trying_since=None, **kept
    )


def is_trying(change: RuleChange) -> bool:
    """Whether a trial runs; one that was lost counts as over after ``TRIAL_SECONDS``."""
    since = change.trying_since
    return since is not None and timezone.now() < since + timedelta(seconds=TRIAL_SECONDS)


def trial_percent(change: RuleChange) -> int:
    """How far the trial has come, in whole per cent."""
    return int(cache.get(_progress_key(change)) or 0)


def changes_of_rules(venue: Venue) -> QuerySet[RuleChange]:
    """Every change of the venue's rules, newest first."""
    return RuleChange.objects.filter(venue=venue).select_related(
        "market", "market__quote", "market__base", "by"
    )


def notice_hours(change: RuleChange) -> int:
    """How long a change waits in public view once it is proposed (and approved, where it must be)."""
    return whole("change_notice_hours") if change.hurts else 0


def _draft(
    user: AbstractBaseUser,
    venue: Venue,
    market: Market,
    changed: dict[str, int],
    undoes: RuleChange | None = None,
) -> RuleChange:
    now = current_values(market)
    before = {name: now[name] for name in changed}
    return RuleChange.objects.create(
        venue=venue, market=market, values=changed, before=before, hurts=hurts(changed, before),
        risky=risks(changed, before), by_id=user.pk, undoes=undoes,
    )  # fmt: skip


def _announce(change: RuleChange, user: AbstractBaseUser) -> None:
    change.effective = timezone.now() + timedelta(hours=notice_hours(change))
    _move(change, RuleState.LOCKED)
    note_act(
        change.venue, user, "announced a change of", change.market.symbol, words=change.words,
        before=_words(change, change.before), after=_words(change, change.values),
    )  # fmt: skip


def _tell(change: RuleChange) -> None:
    frames = frames_of(change.market, change.values, _known(change))
    packed = client.submit_packed(change.venue.group_id, b"".join(frames), len(frames), TIMEOUT_SECONDS)
    for ack in kernel.decode_acks(packed):
        if ack.code:
            raise KernelRefused(*kernel.REJECTS[ack.code])


def _known(change: RuleChange) -> dict[str, Any]:
    answer = ask(change.venue.group_id, {"q": "market", "market": change.market.number})
    return dict(answer["market"])


def _check_base(change: RuleChange) -> None:
    now = current_values(change.market)
    if any(now[name] not in (value, change.values[name]) for name, value in change.before.items()):
        raise DomainError("rules_moved", "The rules have changed since this was drafted; draft it anew.")


def _parameters(change: RuleChange) -> dict[str, Any]:
    """What a second person approves."""
    return {
        "change": change.pk,
        "market": change.market.symbol,
        "before": _words(change, change.before),
        "after": _words(change, change.values),
    }


def _words(change: RuleChange, values: Mapping[str, int]) -> dict[str, str]:
    return {BY_NAME[name].label: shown(BY_NAME[name], change.market, value) for name, value in values.items()}


def _kept(run: Run) -> dict[str, Any]:
    worst = sorted(run.liquidated.items(), key=lambda item: -item[1])
    return {
        "commands": run.commands,
        "refused": dict(run.refused.most_common()),
        "liquidations": run.liquidations,
        "deleveraged": run.deleveraged,
        "liquidated": [list(item) for item in worst[:SHOWN_ACCOUNTS]],
        "accounts": len(run.liquidated),
        "fees": {str(asset): units for asset, units in run.fees.items() if units},
        "insurance": run.insurance,
        "root": run.root,
    }


def _sparing(tell: Any) -> Any:
    """Progress told at most once for each per cent."""
    last = [-1]

    def sparing(done: int, whole: int) -> None:
        percent = done * 100 // max(1, whole)
        if percent != last[0]:
            last[0] = percent
            tell(done, whole)

    return sparing


def _progress_key(change: RuleChange) -> str:
    return f"trial:{change.pk}"


def _send_trial(change_id: int) -> None:
    try:
        current_app.send_task(TRY_TASK, args=[change_id], retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("trial of change %s not sent: %s", change_id, error)


def _market(venue: Venue, number: int) -> Market:
    market = (
        Market.objects.filter(venue=venue, number=number)
        .exclude(phase__in=OVER)
        .select_related("quote", "base")
        .first()
    )
    if market is None:
        raise DomainError("market_unknown", "There is no such market, or its trading has ended.")
    return market


def _locked(change_id: int) -> RuleChange:
    return (
        RuleChange.objects.select_for_update(of=("self",))
        .select_related("venue", "venue__deployer", "market", "market__quote", "market__base")
        .get(pk=change_id)
    )


def _move(change: RuleChange, state: RuleState) -> None:
    if state not in RULE_MOVES[change.state]:
        raise DomainError("change_over", f"This change is {change.get_state_display().lower()} already.")
    change.state = state
    change.save(update_fields=["state", "words", "effective", "applied", "error"])
