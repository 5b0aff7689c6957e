"""Support looks at a user's account: it says why, it is written down, and it sees without moving anything."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, LedgerAccount, Transfer, Withdrawal
from exchange_os.ledger.selectors import amount_words
from exchange_os.operations.models import SupportLook
from trading.models import TradingAccount
from trading.selectors.accounts import balances
from trading.selectors.orders import open_orders
from venues.models import KycCase

NEWEST = 20
KINDS = (
    AccountKind.WALLET, AccountKind.STAKE, AccountKind.UNBONDING, AccountKind.IN_TRANSIT, AccountKind.WITHDRAWING,
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """An account as support sees it: no documents, no secrets, nothing to press."""

    user: Any
    held: list[tuple[str, str]]
    accounts: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    withdrawals: list[dict[str, Any]]
    cases: list[KycCase]
    looks: list[SupportLook]


def look_at(by: AbstractBaseUser, sought: str, reason: str) -> Seen:
    """The account of the user with this e-mail, name or id; the look is written down first, with the reason.

    Raises ``reason_missing``, ``user_unknown``.
    """
    words = " ".join(reason.split())
    if not 5 <= len(words) <= 200:
        raise DomainError(
            "reason_missing", "Say in 5 to 200 characters why, such as a ticket.", field="reason"
        )
    subject = _find(sought.strip()[:254])
    SupportLook.objects.create(by_id=by.pk, subject_id=subject.pk, reason=words)
    return _seen(subject)


def _find(sought: str) -> Any:
    users = get_user_model().objects
    found = users.filter(email__iexact=sought).first() if sought else None
    if found is None and sought.isdecimal() and len(sought) < 10:
        found = users.filter(pk=int(sought)).first()
    if found is None:
        raise DomainError("user_unknown", "Nobody has this e-mail or id.", field="user")
    return found


def _seen(subject: Any) -> Seen:
    held = (
        LedgerAccount.objects.filter(kind__in=KINDS, owner_id=subject.pk)
        .exclude(balance=0)
        .select_related("asset")
    )
    moves = Transfer.objects.filter(user_id=subject.pk).select_related("asset").order_by("-pk")[:NEWEST]
    outgoing = Withdrawal.objects.filter(user_id=subject.pk).select_related("asset").order_by("-pk")[:NEWEST]
    return Seen(
        user=subject,
        held=[(AccountKind(row.kind).label, amount_words(row.balance, row.asset)) for row in held],
        accounts=[
            _account(row) for row in TradingAccount.objects.filter(user_id=subject.pk).select_related("venue")
        ],
        transfers=[{"row": row, "amount": amount_words(row.amount, row.asset)} for row in moves],
        withdrawals=[{"row": row, "amount": amount_words(row.amount, row.asset)} for row in outgoing],
        cases=list(
            KycCase.objects.filter(holder_id=subject.pk).select_related("issuer").order_by("-pk")[:NEWEST]
        ),
        looks=list(SupportLook.objects.filter(subject_id=subject.pk).select_related("by")[:NEWEST]),
    )


def _account(row: TradingAccount) -> dict[str, Any]:
    """One trading account with its balances, or why they are not known now."""
    shown: dict[str, Any] = {"account": row, "balances": [], "orders": [], "away": ""}
    if row.opened_at is None:
        return shown
    try:
        shown["balances"] = [amount_words(each.total, each.asset) for each in balances(row)]
        shown["orders"] = open_orders(row)[:NEWEST]
    except DomainError as away:
        shown["away"] = away.message
    return shown
