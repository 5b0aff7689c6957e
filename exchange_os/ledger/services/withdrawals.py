"""Withdrawals to addresses outside: requested, approved, being sent, sent, final. Each is sent at most once.

The money leaves the wallet for ``withdrawing`` with the request, so nothing can spend it twice, and the ledger when
the network has answered. That a send is being tried is committed before the network is asked. Whoever finds such a row
later cannot know whether it left, so it is never sent again: the network is asked for it, and only its certain "never"
brings the money back.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import (
    WITHDRAWAL_MOVES,
    Asset,
    PauseFunction,
    PostingKind,
    Withdrawal,
    WithdrawalAddress,
    WithdrawalState,
)
from exchange_os.ledger.networks import NETWORK, SendRefused
from exchange_os.ledger.selectors import MAX_UNITS, amount_words, wallet_balance, withdrawals_of
from exchange_os.ledger.services.pauses import check_running, pause_of
from exchange_os.ledger.services.postings import external, post_transfer, wallet, withdrawing

log = logging.getLogger(__name__)

UNKNOWN_AFTER = timedelta(seconds=60)  # by then a send has answered, or its process is gone
A_SWEEP = 200


def request_withdrawal(
    user: AbstractBaseUser, asset: Asset, address: str, amount: int, *, client_id: str = ""
) -> Withdrawal:
    """Set ``amount`` units of the user's wallet aside for ``address``; a new address waits for its hold.

    A repeated ``client_id`` answers the withdrawal it named. Raises ``DomainError``: ``address_invalid``,
    ``amount_invalid``, ``insufficient_funds``, ``paused``, ``client_id_used`` if it named another one.
    """
    address = NETWORK.check_address(asset, address)
    if not 0 < amount <= MAX_UNITS:
        raise DomainError("amount_invalid", "Enter an amount above zero.", field="amount")
    with transaction.atomic():
        # The user's row is the lock: of two requests with one id the second sees the first.
        get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)
        known = withdrawals_of(user.pk).filter(client_id=client_id).first() if client_id else None
        if known is not None:
            if (known.asset_id, known.address, known.amount) != (asset.pk, address, amount):
                raise DomainError(
                    "client_id_used", "This id named another withdrawal; choose a new one.", field="client_id"
                )
            return known
        check_running(PauseFunction.WITHDRAW)
        made = Withdrawal.objects.create(
            user_id=user.pk,
            asset=asset,
            amount=amount,
            address=address,
            client_id=client_id,
            approve_at=_usable_at(user.pk, asset, address),
        )
        held = wallet_balance(user.pk, asset)
        if amount > held:
            raise DomainError(
                "insufficient_funds",
                f"Your wallet holds {amount_words(held, asset)}; lower the amount.",
                field="amount",
            )
        _post(made, PostingKind.SET_ASIDE)
    return made


def cancel_withdrawal(user_id: int, withdrawal_id: int) -> Withdrawal:
    """Bring a withdrawal back that has not been sent. Raises ``withdrawal_unknown``, ``withdrawal_too_late``."""
    if not Withdrawal.objects.filter(pk=withdrawal_id, user_id=user_id).exists():
        raise DomainError("withdrawal_unknown", "You have no such withdrawal.")
    with transaction.atomic():
        made = _move(withdrawal_id, WithdrawalState.CANCELLED, reason="You cancelled it.")
        if made is None:
            raise DomainError(
                "withdrawal_too_late", "It is being sent or over already and cannot be cancelled."
            )
        _post(made, PostingKind.TAKEN_BACK)
    return made


def advance_withdrawals() -> int:
    """Take every open withdrawal one step further where it can go; how many moved. Safe to run many times at once.

    While withdrawals are paused nothing more is sent; what was sent is followed to its end.
    """
    moved = 0
    now = timezone.now()
    waiting = Withdrawal.objects.filter(state=WithdrawalState.REQUESTED, approve_at__lte=now)
    steps: list[tuple[list[int], Callable[[int], bool]]] = [
        (_keys(waiting), _approve),
        (_keys(Withdrawal.objects.filter(state=WithdrawalState.APPROVED)), _send),
        (_keys(_unknown(now)), _look_up),
        (_keys(Withdrawal.objects.filter(state=WithdrawalState.SENT)), _finish),
    ]
    if pause_of(PauseFunction.WITHDRAW) is not None:
        steps = steps[2:]
    for keys, step in steps:
        for pk in keys:
            try:
                moved += step(pk)
            except Exception:
                # One that the network cannot answer for keeps no other waiting, and is asked for again.
                log.exception("withdrawal %s waits", pk)
    return moved


def _keys(rows: QuerySet[Withdrawal]) -> list[int]:
    return list(rows.order_by("changed").values_list("pk", flat=True)[:A_SWEEP])


def _unknown(now: datetime) -> QuerySet[Withdrawal]:
    return Withdrawal.objects.filter(state=WithdrawalState.SENDING, changed__lte=now - UNKNOWN_AFTER)


def _usable_at(user_id: int, asset: Asset, address: str) -> datetime:
    hold = timedelta(seconds=settings.WITHDRAWAL_HOLD_SECONDS)
    known, _ = WithdrawalAddress.objects.get_or_create(
        user_id=user_id, asset=asset, address=address, defaults={"usable_at": timezone.now() + hold}
    )
    return known.usable_at


def _approve(pk: int) -> bool:
    with transaction.atomic():
        return _move(pk, WithdrawalState.APPROVED) is not None


def _send(pk: int) -> bool:
    """Ask the network, once. The row says so before, in a transaction of its own."""
    with transaction.atomic():
        made = _move(pk, WithdrawalState.SENDING)
    if made is None:
        return False
    try:
        txid = NETWORK.send(made.key, made.asset, made.address, made.amount)
    except SendRefused:
        return _return(pk)
    return _record(pk, txid)


def _look_up(pk: int) -> bool:
    txid = NETWORK.find_or_forbid(Withdrawal.objects.get(pk=pk).key)
    return _return(pk) if txid is None else _record(pk, txid)


def _record(pk: int, txid: str) -> bool:
    with transaction.atomic():
        made = _move(pk, WithdrawalState.SENT, txid=txid)
        if made is not None:
            _post(made, PostingKind.SENT_OUT)
    return made is not None


def _return(pk: int) -> bool:
    with transaction.atomic():
        made = _move(pk, WithdrawalState.RETURNED, reason="The network did not take it; your money is back.")
        if made is not None:
            _post(made, PostingKind.TAKEN_BACK)
    return made is not None


def _finish(pk: int) -> bool:
    if not NETWORK.is_final(Withdrawal.objects.get(pk=pk).txid):
        return False
    with transaction.atomic():
        return _move(pk, WithdrawalState.FINAL) is not None


def _move(pk: int, state: WithdrawalState, **changes: str) -> Withdrawal | None:
    """The withdrawal in its new state, locked; ``None`` if the state it is in does not lead there."""
    made = Withdrawal.objects.select_for_update(of=("self",)).select_related("asset").get(pk=pk)
    if state not in WITHDRAWAL_MOVES[made.state]:
        return None
    made.state = state
    for name, value in changes.items():
        setattr(made, name, value)
    made.save(update_fields=["state", "changed", *changes])
    return made


def _post(made: Withdrawal, kind: PostingKind) -> None:
    home, road = wallet(made.user_id, made.asset_id), withdrawing(made.user_id, made.asset_id)
    source, target = {
        PostingKind.SET_ASIDE: (home, road),
        PostingKind.TAKEN_BACK: (road, home),
        PostingKind.SENT_OUT: (road, external(made.asset_id)),
    }[kind]
    post_transfer(kind, source, target, made.amount, memo=f"withdrawal {made.pk}")
