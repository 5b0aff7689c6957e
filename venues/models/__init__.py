"""The deployer's side: deployers, venues, events, markets, and the drafts and progress of launches."""

from venues.models.act import VenueAct
from venues.models.event import Event, EventKind, EventMove, EventState
from venues.models.market import Market, MarketKind, Phase
from venues.models.team import Role, VenueInvitation, VenueMember
from venues.models.venue import (
    ACCENT_PATTERN,
    PPM,
    SLUG_PATTERN,
    VENUE_MOVES,
    Deployer,
    LaunchDraft,
    Venue,
    VenueState,
)

__all__ = [
    "ACCENT_PATTERN",
    "PPM",
    "SLUG_PATTERN",
    "VENUE_MOVES",
    "Deployer",
    "Event",
    "EventKind",
    "EventMove",
    "EventState",
    "LaunchDraft",
    "Market",
    "MarketKind",
    "Phase",
    "Role",
    "Venue",
    "VenueAct",
    "VenueInvitation",
    "VenueMember",
    "VenueState",
]
