"""What every view of an event begins with: the event, and the reader's account at its venue."""

from django.http import Http404, HttpRequest

from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.selectors.accounts import account_of
from trading.selectors.events import EventView, event_by_code
from venues.models import Venue


def event_or_404(venue: Venue, code: str) -> EventView:
    """The event of the venue; 404 if there is none."""
    try:
        return event_by_code(venue.pk, code)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


def account_at(request: HttpRequest, venue: Venue) -> TradingAccount | None:
    """The reader's account at the venue, if there is one that the kernel knows."""
    if request.user.pk is None:
        return None
    account = account_of(request.user.pk, venue)
    return account if account is not None and account.opened_at is not None else None
