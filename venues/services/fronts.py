"""Fronting a venue: asked for, consented to by its owner, live, and ended with notice.

A front is a venue without books: it shows those of another, in the same risk group, under its own name and access
policy. Its traders have accounts of their own there, so what one venue permits says nothing about another, and nothing
has to move when a front ends: its accounts may then only reduce, and money leaves as ever. What its orders pay on top
is the builder fee the two agreed on; the trader agrees to it by opening an account at the front.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.fees import BUILDER_STEP_PPM
from venues.models import (
    FRONT_MOVES,
    Deployer,
    DeployerNotice,
    Fronting,
    FrontState,
    Role,
    Venue,
    VenueState,
)
from venues.selectors import LIVE_STATES
from venues.services.acts import note_act
from venues.services.deployers import require_deployer
from venues.services.fee_changes import schedule_of
from venues.services.launch import check_stake
from venues.services.roles import member_venue, require_role
from venues.specs import VenueSpec
from venues.stakes import FRONT


def fronts_of(owner: Venue) -> QuerySet[Fronting]:
    """Every agreement about the books of a venue, newest first."""
    return Fronting.objects.filter(owner=owner).select_related("front__deployer").order_by("-pk")


def fronting_of(front: Venue) -> Fronting | None:
    """The agreement under which a venue shows another's books; ``None`` if these are its own."""
    if front.fronts_id is None:
        return None
    return Fronting.objects.filter(front=front).select_related("owner__deployer", "front").first()


def ask_to_front(
    user: AbstractBaseUser, owner: Venue, spec: VenueSpec, builder_ppm: int, words: str = ""
) -> Fronting:
    """Ask the owner of a venue to let a venue of the user's show its books for a builder fee.

    The front stands as a venue that is launching, its stake counted, until it is answered. Raises ``not_a_deployer``,
    ``stake_too_small``, ``venue_not_open``, ``front_of_front``, ``builder_fee_invalid``, ``slug_taken``.
    """
    deployer = require_deployer(user)
    with transaction.atomic():
        Deployer.objects.select_for_update().get(pk=deployer.pk)
        owner = Venue.objects.select_related("deployer").get(pk=owner.pk)
        _check_owner(owner)
        cap = schedule_of(owner).builder_cap_ppm
        if not 0 <= builder_ppm <= cap or builder_ppm % BUILDER_STEP_PPM:
            raise DomainError(
                "builder_fee_invalid",
                f"{owner.name} allows up to {cap / 10_000:g}%, in steps of 0.001%.",
                field="builder_fee",
            )
        check_stake(user, [FRONT])
        front = _create_front(deployer, owner, spec)
        asked = Fronting.objects.create(
            front=front, owner=owner, builder_ppm=builder_ppm, words=words.strip()[:280]
        )
        note_act(front, user, "asked to front", owner.name, words=asked.words)
        _tell(
            owner,
            asked,
            f"{front.name} asks to show the books of {owner.name}.",
            f"/deployer/venues/{owner.pk}/fronts/",
        )
    return asked


def answer_front(user: AbstractBaseUser, fronting: Fronting, *, consent: bool) -> Fronting:
    """Consent to a front, which then opens, or decline it. Raises ``role_missing``, ``front_move_refused``."""
    require_role(user, fronting.owner, Role.OWNER)
    with transaction.atomic():
        made = _locked(fronting)
        _move(made, FrontState.CONSENTED if consent else FrontState.DECLINED, answered=timezone.now())
        if not consent:
            Venue.objects.filter(pk=made.front_id).update(state=VenueState.FAILED, launch_error="Declined.")
        note_act(made.owner, user, "consented to front" if consent else "declined front", made.front.name)
        answer = "consents: your venue opens now" if consent else "declines"
        _tell(made.front, made, f"{made.owner.name} {answer}.", "/deployer/")
    return made


def withdraw_front(user: AbstractBaseUser, fronting: Fronting) -> Fronting:
    """Take a request back. Raises ``role_missing``, ``front_move_refused``."""
    require_role(user, fronting.front, Role.OWNER)
    with transaction.atomic():
        made = _locked(fronting)
        _move(made, FrontState.WITHDRAWN, answered=timezone.now())
        Venue.objects.filter(pk=made.front_id).update(state=VenueState.FAILED, launch_error="Withdrawn.")
    return made


def end_front(user: AbstractBaseUser, fronting: Fronting, reason: str = "") -> Fronting:
    """End a live front after the notice; either side may. Raises ``role_missing``, ``front_move_refused``."""
    side = _side_of(user, fronting)
    with transaction.atomic():
        made = _locked(fronting)
        ends = timezone.now() + timedelta(days=settings.FRONT_NOTICE_DAYS)
        _move(made, FrontState.ENDING, ends=ends, reason=reason.strip()[:280])
        note_act(side, user, "ends front", made.front.name, words=made.reason)
        for venue in (made.front, made.owner):
            _tell(
                venue,
                made,
                f"{made.front.name} shows {made.owner.name} until {ends:%-d %B %Y}.",
                "/deployer/",
            )
    return made


def open_front(fronting: Fronting, builder_account: int) -> Venue:
    """Open a front that was consented to; ``builder_account`` is its deployer's in the risk group. May be repeated."""
    with transaction.atomic():
        made = _locked(fronting)
        if made.state == FrontState.CONSENTED:
            _move(made, FrontState.LIVE)
            Venue.objects.filter(pk=made.front_id).update(
                state=VenueState.OPEN,
                opened=timezone.now(),
                builder_account=builder_account,
                builder_ppm=made.builder_ppm,
            )
    return Venue.objects.get(pk=made.front_id)


def begin_closing(fronting: Fronting) -> bool:
    """Close a front whose notice has passed; whether it is closing. Its accounts are bound after this."""
    with transaction.atomic():
        made = _locked(fronting)
        if made.state == FrontState.ENDING and made.ends and made.ends <= timezone.now():
            _move(made, FrontState.CLOSING)
            Venue.objects.filter(pk=made.front_id).update(state=VenueState.HALTED)
        return made.state == FrontState.CLOSING


def finish_closing(fronting: Fronting) -> None:
    """Note that every account of a closing front may only reduce from now on."""
    with transaction.atomic():
        made = _locked(fronting)
        _move(made, FrontState.ENDED, ended=timezone.now())


def _check_owner(owner: Venue) -> None:
    if owner.fronts_id is not None:
        raise DomainError("front_of_front", f"{owner.name} shows another venue's books; ask that one.")
    if owner.state not in LIVE_STATES:
        raise DomainError("venue_not_open", f"{owner.name} is not open.")


def _create_front(deployer: Deployer, owner: Venue, spec: VenueSpec) -> Venue:
    try:
        with transaction.atomic():
            return Venue.objects.create(
                slug=spec.slug,
                name=spec.name,
                deployer=deployer,
                group_id=owner.group_id,
                fronts=owner,
                accent=spec.accent,
                description=spec.description,
                protocol_share_ppm=owner.protocol_share_ppm,
            )
    except IntegrityError as taken:
        raise DomainError(
            "slug_taken", f"Another venue has the address {spec.slug}; choose another.", field="slug"
        ) from taken


def _side_of(user: AbstractBaseUser, fronting: Fronting) -> Venue:
    """The venue of the two for which the user may end the agreement."""
    try:
        return require_role(user, fronting.front, Role.OWNER)
    except DomainError:
        return require_role(user, fronting.owner, Role.OWNER)


def fronting_for(user: AbstractBaseUser, fronting_id: int) -> Fronting:
    """An agreement of a venue at which the user has some role. Raises ``front_unknown``."""
    made = (
        Fronting.objects.filter(pk=fronting_id).select_related("front__deployer", "owner__deployer").first()
    )
    if made is not None:
        for venue in (made.front, made.owner):
            try:
                member_venue(user, venue.pk)
            except DomainError:
                continue
            return made
    raise DomainError("front_unknown", "There is no such front.")


def _locked(fronting: Fronting) -> Fronting:
    rows = Fronting.objects.select_for_update(of=("self",))
    return rows.select_related("front__deployer", "owner__deployer").get(pk=fronting.pk)


def _move(made: Fronting, state: FrontState, **changes: object) -> None:
    if state not in FRONT_MOVES[made.state]:
        raise DomainError(
            "front_move_refused", f"This front is “{made.get_state_display().lower()}”; that cannot follow."
        )
    made.state = state
    for name, value in changes.items():
        setattr(made, name, value)
    made.save(update_fields=["state", *changes])


def _tell(venue: Venue, made: Fronting, text: str, link: str) -> None:
    DeployerNotice.objects.bulk_create(
        [
            DeployerNotice(
                user_id=venue.deployer.user_id,
                source=f"front {made.pk} {made.state}",
                text=text[:240],
                link=link,
            )
        ],
        ignore_conflicts=True,
    )
