"""Conflicts of interest: who must not judge a venue, as the system sees it and as members declared it."""

from collections.abc import Iterable
from typing import Any

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Transfer, TransferState
from governance.models import CommitteeMember, ConflictDeclaration
from trading.models import TradingAccount
from venues.models import Venue, VenueMember

PATIENCE_SECONDS = 5.0


def declared_conflicts(venue: Venue, members: Iterable[CommitteeMember]) -> dict[int, str]:
    """``{member id: reason}`` of what is known without asking the venue: deployer, team, declared conflicts."""
    asked = list(members)
    found: dict[int, str] = dict(
        ConflictDeclaration.objects.filter(venue=venue, member__in=asked).values_list("member_id", "reason")
    )
    team = set(VenueMember.objects.filter(venue=venue).values_list("user_id", flat=True))
    for member in asked:
        if member.user_id == venue.deployer.user_id:
            found[member.pk] = "Is the deployer of this venue."
        elif member.user_id in team:
            found.setdefault(member.pk, "Belongs to the team of this venue.")
    return found


def venue_conflicts(venue: Venue, members: Iterable[CommitteeMember]) -> dict[int, str]:
    """``{member id: reason}`` of the members who must not judge the venue.

    The deployer and the team; whoever has a balance, a position or an order there, or money on the way; whoever
    declared a conflict. Raises ``conflicts_unknown`` if the venue's risk group does not answer: nobody is then
    taken to be free of conflict.
    """
    asked = list(members)
    found = declared_conflicts(venue, asked)
    users = [member.user_id for member in asked]
    accounts = dict(
        TradingAccount.objects.filter(venue__group_id=venue.group_id, user__in=users).values_list(
            "user_id", "number"
        )
    )
    on_the_way = set(
        Transfer.objects.filter(
            group_id=venue.group_id, user__in=users, state=TransferState.REQUESTED
        ).values_list("user_id", flat=True)
    )
    for member in asked:
        if member.user_id in on_the_way:
            found.setdefault(member.pk, "Has money on the way to or from this venue.")
        elif member.user_id in accounts:
            held = _held(venue, accounts[member.user_id])
            if held:
                found.setdefault(member.pk, f"Has {held} at this venue.")
    return found


def _held(venue: Venue, account: int) -> str:
    """What an account has, in words; empty for nothing at all."""
    try:
        known: dict[str, Any] = client.query(
            venue.group_id, {"q": "account", "account": account}, PATIENCE_SECONDS
        )
    except DomainError as away:
        raise DomainError(
            "conflicts_unknown", "The venue does not answer, so conflicts cannot be checked. Try again soon."
        ) from away
    if "error" in known:
        return ""
    if any(position["lots"] for position in known.get("positions", [])) or any(
        position["lots"] for event in known.get("outcomes", []) for position in event["positions"]
    ):
        return "a position"
    if known.get("orders"):
        return "an order"
    if any(row["total"] for row in known.get("balances", [])):
        return "a balance"
    return ""
