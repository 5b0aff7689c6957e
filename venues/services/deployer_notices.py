"""What deployers are told that others did: of fronts, what becomes of the books they show; of every venue, what the
platform stops and lets go on."""

from collections import defaultdict

from venues.models import DeployerNotice, Venue, VenueAct
from venues.selectors import LIVE_STATES
from venues.services.acts import note_act


def tell_fronts(act: VenueAct, what: str, *, warning: bool = True) -> int:
    """Tell every live front of the act's venue ``what`` has become of it ("is halted"): its deployer's bell, its audit
    log and so its webhooks. In the transaction of the act; how many were told."""
    owner = Venue.objects.get(pk=act.venue_id)
    fronts = list(
        Venue.objects.filter(fronts=owner, state__in=LIVE_STATES).select_related("deployer").order_by("pk")
    )
    reason = f" “{act.words}”" if act.words else ""
    for front in fronts:
        note_act(front, None, "heard of the owner:", f"{act.about} {what}", words=act.words, after=act.after)
    DeployerNotice.objects.bulk_create(
        [
            DeployerNotice(
                user_id=front.deployer.user_id,
                source=f"front {front.pk} act {act.pk}",
                text=f"{front.name} shows {owner.name}, where {act.about} {what}.{reason}"[:240],
                link=f"/deployer/venues/{front.pk}/",
                warning=warning,
            )
            for front in fronts
        ],
        ignore_conflicts=True,
    )
    return len(fronts)


def tell_of_pause(what: str, group_id: int, *, paused: bool, reason: str, source: str) -> int:
    """Tell the deployers of the live venues of a risk group (0: of all), fronts with them, that the platform has
    stopped ``what`` ("trading") there or lets it go on; once for each ``source``. How many were told."""
    venues = Venue.objects.filter(state__in=LIVE_STATES).select_related("deployer").order_by("pk")
    if group_id:
        venues = venues.filter(group_id=group_id)
    theirs: dict[int, list[str]] = defaultdict(list)
    for venue in venues:
        theirs[venue.deployer.user_id].append(venue.name)
    says = f"The platform has stopped {what} at" if paused else f"The platform lets {what} go on at"
    DeployerNotice.objects.bulk_create(
        [
            DeployerNotice(
                user_id=user_id,
                source=source,
                text=(f"{says} {_some(names)}." + (f" “{reason}”" if paused else ""))[:240],
                link="/deployer/",
                warning=paused,
            )
            for user_id, names in theirs.items()
        ],
        ignore_conflicts=True,
    )
    return len(theirs)


def _some(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
