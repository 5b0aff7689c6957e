"""Launching a venue: one step that is all or nothing, then a drive that can be repeated until it is done.

``launch_venue`` writes the venue, its markets and its risk group in one transaction, in state LAUNCHING, with the
deployer's stake counted as its backing under the deployer's lock. Nobody can see such a venue yet. ``drive_launch``
opens its markets in the kernel and turns it OPEN; it is started at once and, should anything be away, again by the
sweeper until it succeeds. Only a refusal by the kernel ends it otherwise: then the venue is FAILED, its address is free
again, its stake backs nothing, and the draft can be mended and launched anew. Assets that the launch issues are
reserved with the venue, issued when it opens, and gone with their symbols if it does not.
"""

import logging
from collections.abc import Iterable
from functools import partial

from celery import current_app
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine.services import create_group
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text, amount_words
from exchange_os.ledger.services import give_back_symbols, issue_asset, reserve_asset
from exchange_os.ledger.words import skeleton
from exchange_os.oracles.services.sources import remove_sources
from exchange_os.parameters.selectors import whole
from venues.launch_specs import LaunchSpec, launch_spec
from venues.models import (
    VENUE_MOVES,
    Deployer,
    Event,
    EventState,
    LaunchDraft,
    Logo,
    Market,
    Phase,
    Venue,
    VenueState,
)
from venues.selectors import stake_standing
from venues.services.access_policies import ask_for_credentials
from venues.services.asking import KernelRefused
from venues.services.deployers import require_deployer
from venues.services.listing import create_listings
from venues.services.opening import open_in_kernel

log = logging.getLogger(__name__)

#: The level of ``venues.access`` that a choice of ``venues.specs.ACCESS_CHOICES`` asks of everybody.
ACCESS_LEVELS = {"basic": 1, "kyc": 2, "enhanced": 3}
DRIVE_TASK = "venues.drive_launch"


def launch_venue(user: AbstractBaseUser, draft: LaunchDraft) -> Venue:
    """Launch what the draft holds; answers the venue, LAUNCHING. The drive begins when the transaction commits.

    Raises ``not_a_deployer``, ``stake_too_small``, ``draft_launched``, or ``Refusals`` with every field at fault.
    A draft leads to one venue: a second call for it answers the venue of the first.
    """
    deployer = require_deployer(user)
    with transaction.atomic():
        Deployer.objects.select_for_update().get(pk=deployer.pk)
        draft = LaunchDraft.objects.select_related("venue").get(pk=draft.pk, user_id=user.pk)
        if draft.venue is not None and draft.venue.state != VenueState.FAILED:
            return draft.venue
        spec = launch_spec(user, draft.data, issue=partial(reserve_asset, user))
        check_stake(user, {item.market_kind for item in spec.listings})
        venue = _create_venue(deployer, spec)
        create_listings(venue, 0, spec.listings)
        if spec.venue.access:
            ask_for_credentials(user, venue, level=ACCESS_LEVELS[spec.venue.access])
        draft.venue = venue
        draft.save(update_fields=["venue", "updated"])
        transaction.on_commit(partial(send_drive, venue.pk))
    return venue


def check_stake(user: AbstractBaseUser, kinds: Iterable[str]) -> None:
    """Refuse with ``stake_too_small`` unless the user's stake can back one more venue with markets of these kinds."""
    standing = stake_standing(user.pk, kinds)
    if standing.short_for_next:
        raise DomainError(
            "stake_too_small",
            f"Every venue needs {amount_words(standing.per_venue, standing.asset)} of stake. "
            f"Stake {amount_words(standing.short_for_next, standing.asset)} more to launch.",
            field="stake",
            missing=amount_text(standing.short_for_next, standing.asset),
        )


def _create_venue(deployer: Deployer, launch: LaunchSpec) -> Venue:
    spec, first = launch.venue, launch.listings[0]
    logo = Logo.objects.filter(user_id=deployer.user_id, digest=spec.logo).first() if spec.logo else None
    try:
        with transaction.atomic():
            return Venue.objects.create(
                slug=spec.slug,
                name=spec.name,
                name_shape=skeleton(spec.name),
                logo=logo.digest if logo else "",
                deployer=deployer,
                group_id=create_group().pk,
                accent=spec.accent,
                description=spec.description,
                maker_fee_ppm=first.maker_fee_ppm,
                taker_fee_ppm=first.taker_fee_ppm,
                protocol_share_ppm=whole("protocol_share_ppm"),
            )
    except IntegrityError as taken:
        raise DomainError(
            "slug_taken", f"Another venue has the address {spec.slug}; choose another.", field="slug"
        ) from taken


def drive_launch(venue_id: int) -> VenueState:
    """Open every market of the venue that is not open yet, and the venue with them; answers its state.

    Safe to repeat and to run twice at once. Raises the engine's ``DomainError`` if it must be called again; a refusal
    by the kernel is recorded in ``launch_error`` and ends the launch (or drops the market that was being added).
    """
    venue = Venue.objects.get(pk=venue_id)
    markets = list(venue.markets.select_related("base", "quote", "event").order_by("number"))
    if venue.state not in (VenueState.LAUNCHING, VenueState.OPEN) or not any(
        m.phase == Phase.PENDING for m in markets
    ):
        return VenueState(venue.state)
    Venue.objects.filter(pk=venue.pk).update(launch_attempts=F("launch_attempts") + 1)
    try:
        open_in_kernel(venue, markets)
    except KernelRefused as refused:
        log.warning("launch of venue %s refused: %s", venue.slug, refused.message)
        return _give_up(venue, refused)
    with transaction.atomic():
        now = timezone.now()
        Market.objects.filter(venue=venue, phase=Phase.PENDING).update(phase=Phase.OPEN, opened=now)
        Event.objects.filter(venue=venue, state=EventState.PENDING).update(state=EventState.OPEN)
        opened = Venue.objects.filter(pk=venue.pk, state=VenueState.LAUNCHING)
        if opened.update(state=VenueState.OPEN, opened=now):
            for asset in _reserved_assets(markets):
                issue_asset(asset)
    return VenueState.OPEN


def _reserved_assets(markets: Iterable[Market]) -> list[Asset]:
    """The assets of markets whose symbols are only reserved yet."""
    assets = {asset.pk: asset for market in markets for asset in (market.base, market.quote) if asset}
    return [asset for asset in assets.values() if asset.reserved_units is not None]


def _give_up(venue: Venue, refused: DomainError) -> VenueState:
    """What has not opened goes: a launch with the symbols it reserved, or what was being added to an open venue."""
    with transaction.atomic():
        locked = Venue.objects.select_for_update().get(pk=venue.pk)
        locked.launch_error = refused.message[:300]
        pending = Market.objects.filter(venue=locked, phase=Phase.PENDING).select_related("base", "quote")
        reserved = [asset.pk for asset in _reserved_assets(pending)]
        remove_sources(locked.group_id, list(pending.values_list("number", flat=True)))
        pending.delete()
        Event.objects.filter(venue=locked, state=EventState.PENDING).delete()
        if locked.state == VenueState.LAUNCHING:
            assert VenueState.FAILED in VENUE_MOVES[VenueState.LAUNCHING]
            locked.state = VenueState.FAILED
            give_back_symbols(reserved)
        locked.save(update_fields=["state", "launch_error"])
    return VenueState(locked.state)


def send_drive(venue_id: int) -> bool:
    """Ask a worker to drive a launch now; whether the broker took it. A lost message is made up by the sweeper."""
    try:
        current_app.send_task(DRIVE_TASK, args=[venue_id], retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("drive of venue %s not sent: %s", venue_id, error)
        return False
    return True


def unfinished_launches() -> list[int]:
    """Venues that launch, or to which a market is being added: what the sweeper drives."""
    pending = Market.objects.filter(
        phase=Phase.PENDING, venue__state__in=(VenueState.LAUNCHING, VenueState.OPEN)
    )
    return sorted(set(pending.values_list("venue_id", flat=True)))
