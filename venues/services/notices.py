"""What traders are told about a venue: why it is halted, how it ends, which rules will change and why."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from venues.models import RuleChange, RuleState, Venue, VenueAct, VenueState
from venues.rules import BY_NAME, shown


@dataclass(frozen=True)
class Notice:
    """One notice: ``level`` warn or info, when what it says takes effect or ends, if that is known."""

    level: str
    title: str
    text: str
    at: datetime | None = None


def public_notices(venue: Venue) -> list[Notice]:
    """What every visitor of the venue should know now, the most pressing first."""
    found = []
    if venue.state == VenueState.HALTED:
        act = VenueAct.objects.filter(venue=venue, verb="halted", about=venue.name).first()
        since = f"Halted since {act.at:%d %B, %H:%M} UTC." if act else "Halted."
        why = act.words if act and act.words else "No reason was given."
        found.append(
            Notice("warn", since, f"{why} Orders can be cancelled and funds withdrawn.", venue.halt_ends)
        )
    if venue.state == VenueState.WINDING:
        words = "Positions can only be reduced. At the end they are closed at the mark price and orders are cancelled."
        found.append(Notice("warn", f"{venue.name} winds down", words, venue.ends))
    if venue.state == VenueState.CLOSED:
        found.append(
            Notice("warn", f"{venue.name} is closed", "Nothing trades here any more; withdraw your balances.")
        )
    waiting = RuleChange.objects.filter(
        venue=venue, state=RuleState.LOCKED, effective__gt=timezone.now()
    ).select_related("market", "market__quote", "market__base")
    for change in waiting:
        lines = [
            f"{BY_NAME[name].label} from {shown(BY_NAME[name], change.market, change.before[name])} to "
            f"{shown(BY_NAME[name], change.market, value)}"
            for name, value in change.values.items()
        ]
        text = f"{'; '.join(lines)}. {change.words}"
        found.append(Notice("info", f"Rules of {change.market.symbol} will change", text, change.effective))
    return found
