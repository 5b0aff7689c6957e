"""Who may judge the result of an event: nobody who gains or loses by it, and nobody who runs its venue."""

from django.db.models import Q
from exchange_kernel import BILL_KINDS

from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill
from trading.selectors.accounts import account_of
from trading.selectors.event_holdings import event_holdings, event_orders
from trading.selectors.events import EventView, event_by_code
from venues.models import Dispute, Event
from venues.selectors import insiders_of

_SETTLEMENT, _SPLIT, _MERGE = (BILL_KINDS[name] for name in ("settlement", "split", "merge"))


def may_judge(user_id: int, event: Event) -> bool:
    """Whether the user may judge the event's disputes; ``bar_to_judging`` says why not."""
    return not bar_to_judging(user_id, event)


def bar_to_judging(user_id: int, event: Event) -> str:
    """Why the user may not judge the event's disputes, as a sentence; empty if they may.

    Barred are those who run the venue, those who proposed or dispute a result of it, and everyone who holds, has
    ordered or ever held or traded anything in the event: what was sold before the close may have been sold to a friend.
    Raises the engine's ``DomainError`` if the venue cannot be asked; then nobody knows, and they may not judge yet.
    """
    if user_id in insiders_of(event.venue):
        return "You run this venue."
    moved_it = event.moves.filter(by_id=user_id).exists()
    if moved_it or Dispute.objects.filter(event=event, challenger_id=user_id).exists():
        return "You proposed or disputed a result of this event."
    account = account_of(user_id, event.venue)
    if account is None or account.opened_at is None:
        return ""
    view = event_by_code(event.venue_id, event.code)
    if event_holdings(account, view).stakes:
        return "You hold contracts of this event."
    if event_orders(account, view):
        return "You have an order in this event."
    return "You have traded in this event." if _has_traded(account.number, view) else ""


def _has_traded(account: int, view: EventView) -> bool:
    own, group = {market.number for market in view.markets}, view.event.venue.group_id
    if fills(group, account, Span(), 1, lambda fill: fill.market in own):
        return True
    ours = Q(kind=_SETTLEMENT, market__in=own) | Q(kind__in=[_SPLIT, _MERGE], extra=view.event.number)
    return Bill.objects.filter(ours, group_id=group, account=account).exists()
