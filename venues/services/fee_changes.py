"""Changing fees: checked against the protocol's bounds, announced, in force after the notice if anybody pays more.

A change is a row. What is due is told to the kernel by whoever comes first, and repeating it does no harm: rates are
set to what the row says. Orders that rest keep the rates they came with.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.parameters.selectors import whole
from venues.fees import MAX_TIERS, FeeSchedule, Pair
from venues.models import CHANGE_MOVES, ChangeState, FeeChange, Market, Phase, Role, Venue
from venues.selectors import LIVE_STATES
from venues.services.acts import note_act
from venues.services.asking import KernelRefused, ask
from venues.services.fee_tiers import assign_tiers
from venues.services.roles import require_own_books, require_role

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
OVER = (Phase.CLOSING, Phase.SETTLING, Phase.SETTLED)
#: Parameters of a market that a change of fees leaves as they are.
KEPT = ("protocol_share_ppm", "band_ppm", "slippage_ppm", "min_lots", "max_lots", "min_notional", "max_levels",
        "max_matches")  # fmt: skip


def schedule_of(venue: Venue) -> FeeSchedule:
    """The fees in force: those of the last change, or of the markets as they were listed."""
    markets = Market.objects.filter(venue=venue).order_by("-number")
    listed: dict[str, tuple[Pair, ...]] = {
        kind: ((maker, taker),)
        for kind, maker, taker in markets.values_list("kind", "maker_fee_ppm", "taker_fee_ppm")
    }
    live = FeeChange.objects.filter(venue=venue, state=ChangeState.LIVE).first()
    if live is None:
        return FeeSchedule((0,), listed)
    schedule = FeeSchedule.of(live.schedule)
    return FeeSchedule(
        schedule.volumes, {**listed, **schedule.rates}, schedule.referral_ppm, schedule.builder_cap_ppm
    )


def changes_of(venue: Venue) -> QuerySet[FeeChange]:
    """Every change of a venue's fees, newest first."""
    return FeeChange.objects.filter(venue=venue).select_related("by").order_by("-pk")


def waiting_change(venue: Venue) -> FeeChange | None:
    """The change that is announced, if any."""
    return FeeChange.objects.filter(venue=venue, state=ChangeState.ANNOUNCED).first()


def announce_fees(user: AbstractBaseUser, venue: Venue, schedule: FeeSchedule) -> FeeChange:
    """Announce new fees; a rise for anybody waits for its notice, anything else is due now.

    Takes the place of a change that waits. Raises ``role_missing``, ``fees_unchanged``, ``venue_not_live``.
    """
    venue = require_role(user, venue, Role.OWNER)
    require_own_books(venue)
    with transaction.atomic():
        locked = Venue.objects.select_for_update().get(pk=venue.pk)
        if locked.state not in LIVE_STATES:
            raise DomainError("venue_not_live", f"{locked.name} does not trade.")
        now, old = timezone.now(), schedule_of(locked)
        if schedule == old:
            raise DomainError("fees_unchanged", "These are the fees in force; change something first.")
        rises = schedule.is_rise_from(old)
        FeeChange.objects.filter(venue=locked, state=ChangeState.ANNOUNCED).update(
            state=ChangeState.WITHDRAWN
        )
        change = FeeChange.objects.create(
            venue=locked,
            schedule=schedule.as_data(),
            before=old.as_data(),
            is_rise=rises,
            by_id=user.pk,
            effective=now + timedelta(hours=whole("fee_notice_hours")) if rises else now,
        )
        note_act(locked, user, "announced fees", locked.name, before=_flat(old), after=_flat(schedule))
    return change


def withdraw_fees(user: AbstractBaseUser, venue: Venue) -> FeeChange:
    """Take back the change that waits. Raises ``role_missing``, ``no_change_waits``."""
    venue = require_role(user, venue, Role.OWNER)
    with transaction.atomic():
        change = (
            FeeChange.objects.select_for_update().filter(venue=venue, state=ChangeState.ANNOUNCED).first()
        )
        if change is None:
            raise DomainError("no_change_waits", "No change of fees waits.")
        _move(change, ChangeState.WITHDRAWN)
        note_act(venue, user, "withdrew fees", venue.name)
    return change


def apply_due_fees() -> int:
    """Put every change in force whose time has come, and give new markets their tiers; how many venues were told."""
    due = FeeChange.objects.filter(state=ChangeState.ANNOUNCED, effective__lte=timezone.now())
    added = FeeChange.objects.filter(
        state=ChangeState.LIVE, venue__markets__opened__gt=F("applied"), venue__state__in=LIVE_STATES
    )
    told = 0
    for change in [*due.select_related("venue"), *added.select_related("venue").distinct()]:
        try:
            told += apply_fees(change)
        except DomainError as away:
            log.warning("fees of venue %s wait: %s", change.venue.slug, away.message)
    return told


def apply_fees(change: FeeChange) -> bool:
    """Tell the kernel the rates of a change that is due, then say that it is live; whether it is.

    A refusal by the kernel ends the change as failed. Raises the engine's ``DomainError``; call again then.
    """
    venue, schedule = change.venue, FeeSchedule.of(change.schedule)
    markets = list(
        Market.objects.filter(venue=venue, kind__in=schedule.rates)
        .exclude(phase__in=[Phase.PENDING, *OVER])
        .order_by("number")
    )
    base = change.state == ChangeState.ANNOUNCED
    now = (
        timezone.now()
    )  # before the kernel is told: a market that opens meanwhile is found by the next sweep
    try:
        _tell(venue, schedule, markets, base=base)
    except KernelRefused as refused:
        with transaction.atomic():
            locked = FeeChange.objects.select_for_update().get(pk=change.pk)
            _move(locked, ChangeState.FAILED, error=refused.message[:300])
        return False
    with transaction.atomic():
        locked = FeeChange.objects.select_for_update().get(pk=change.pk)
        if locked.state == ChangeState.ANNOUNCED:
            for old in FeeChange.objects.filter(venue=venue, state=ChangeState.LIVE):
                _move(old, ChangeState.REPLACED)
            _keep_rates(venue, schedule, markets)
            _move(locked, ChangeState.LIVE)
        FeeChange.objects.filter(pk=change.pk).update(applied=now)
    if base:
        assign_tiers(venue, schedule)
    return True


def _tell(venue: Venue, schedule: FeeSchedule, markets: list[Market], *, base: bool) -> None:
    known = {row["market"]: row for row in ask(venue.group_id, {"q": "markets"})["markets"]}
    frames = [
        kernel.set_fee_split(referral_ppm=schedule.referral_ppm, builder_cap_ppm=schedule.builder_cap_ppm)
    ]
    for market in markets:
        frames += _rates(market, schedule, known[market.number], base=base)
    acks = client.submit_packed(venue.group_id, b"".join(frames), len(frames), TIMEOUT_SECONDS)
    for ack in kernel.decode_acks(acks):
        if ack.code:
            raise KernelRefused(*kernel.REJECTS[ack.code])


def _rates(market: Market, schedule: FeeSchedule, known: dict[str, Any], *, base: bool) -> Iterable[bytes]:
    """The commands for one market. Without ``base`` its own pair stays and no tier is dearer than that."""
    own = schedule.pair(market.kind, 0) if base else (known["maker_ppm"], known["taker_ppm"])
    if own != (known["maker_ppm"], known["taker_ppm"]):
        kept = {name: known[name] for name in KEPT}
        yield kernel.set_market_params(market.number, maker_ppm=own[0], taker_ppm=own[1], **kept)
    told = {tier: (maker, taker) for tier, maker, taker in known["fee_tiers"]}
    for tier in range(1, MAX_TIERS):
        maker, taker = schedule.pair(market.kind, tier)
        taker = min(taker, own[1])
        pair = (max(-taker, min(maker, own[0])), taker)
        if told.get(tier, own) != pair:
            yield kernel.set_fee_tier(market.number, tier, maker_ppm=pair[0], taker_ppm=pair[1])


def fee_frames(venue: Venue, schedule: FeeSchedule) -> list[bytes]:
    """The commands that set every rate of the schedule in every market, whatever is set now.

    Raises the engine's ``DomainError``.
    """
    known = {row["market"]: row for row in ask(venue.group_id, {"q": "markets"})["markets"]}
    frames = [
        kernel.set_fee_split(referral_ppm=schedule.referral_ppm, builder_cap_ppm=schedule.builder_cap_ppm)
    ]
    for market in Market.objects.filter(venue=venue, kind__in=schedule.rates, number__in=known).order_by(
        "number"
    ):
        maker, taker = schedule.pair(market.kind, 0)
        kept = {name: known[market.number][name] for name in KEPT}
        frames.append(kernel.set_market_params(market.number, maker_ppm=maker, taker_ppm=taker, **kept))
        for tier in range(1, MAX_TIERS):
            maker, taker = schedule.pair(market.kind, tier)
            frames.append(kernel.set_fee_tier(market.number, tier, maker_ppm=maker, taker_ppm=taker))
    return frames


def _keep_rates(venue: Venue, schedule: FeeSchedule, markets: list[Market]) -> None:
    for market in markets:
        market.maker_fee_ppm, market.taker_fee_ppm = schedule.pair(market.kind, 0)
    Market.objects.bulk_update(markets, ["maker_fee_ppm", "taker_fee_ppm"])
    if markets:
        maker, taker = schedule.pair(markets[0].kind, 0)
        Venue.objects.filter(pk=venue.pk).update(maker_fee_ppm=maker, taker_fee_ppm=taker)


def _move(change: FeeChange, state: ChangeState, error: str = "") -> None:
    if state not in CHANGE_MOVES[change.state]:
        raise DomainError("fee_change_over", "This change of fees is over already.")
    change.state, change.error = state, error
    change.save(update_fields=["state", "error"])


def _flat(schedule: FeeSchedule) -> dict[str, Any]:
    return {
        **{kind: [f"{maker}/{taker}" for maker, taker in pairs] for kind, pairs in schedule.rates.items()},
        "volumes": list(schedule.volumes),
        "referral_ppm": schedule.referral_ppm,
        "builder_cap_ppm": schedule.builder_cap_ppm,
    }
