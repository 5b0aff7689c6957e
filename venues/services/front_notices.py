"""What the deployers of fronts are told about the books that they show: halted, resumed, winding down, closed."""

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
