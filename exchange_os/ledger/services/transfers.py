"""Money between a wallet and a risk group, exactly once.

A deposit leaves the wallet for ``in_transit`` in the transaction that writes its ``Transfer``; the row is the outbox.
The command that carries the transfer's id may then be sent any number of times: the kernel accepts an id once, and
``settle_transfers`` runs in the very transaction that journals the kernel's answer. So a crash at any moment leaves
either a requested transfer, which the sweeper sends again, or a finished one. A withdrawal moves nothing until the
kernel has taken the units from the trading account; then escrow pays the wallet in that same transaction.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connection, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Direction, PauseFunction, PostingKind, Transfer, TransferState
from exchange_os.ledger.selectors import MAX_UNITS, amount_words, wallet_balance
from exchange_os.ledger.services.pauses import check_running
from exchange_os.ledger.services.postings import (
    Cursor,
    Movement,
    escrow,
    in_transit,
    post_transfer,
    post_transfers,
    wallet,
)


class Settled(NamedTuple):
    """The kernel's answer to one transfer, as it stands in ``Applied.transfers``.

    ``amount`` is signed: above zero into the trading account (deposit), below zero out of it (withdrawal).
    """

    transfer_id: int
    account: int
    asset_id: int
    amount: int
    accepted: bool
    code: int


def request_deposit(
    user: AbstractBaseUser, group_id: int, account: int, asset: Asset, amount: int, client_id: str = ""
) -> Transfer:
    """Take ``amount`` units out of the user's wallet, on their way to ``account`` of the risk group.

    Answers the requested transfer; the caller sends its command after the commit. Raises ``DomainError``
    ``amount_invalid``, ``insufficient_funds`` or ``paused``.
    """
    _check_amount(amount)
    check_running(PauseFunction.DEPOSIT, group_id)
    with transaction.atomic():
        transfer = _request(Direction.DEPOSIT, user, group_id, account, asset, amount, client_id)
        try:
            post_transfer(
                PostingKind.SEND,
                wallet(user.pk, asset.pk),
                in_transit(user.pk, asset.pk),
                amount,
                transfer_id=transfer.pk,
            )
        except DomainError as refused:
            if refused.code != "insufficient_funds":
                raise
            held = amount_words(wallet_balance(user.pk, asset), asset)
            raise DomainError(
                "insufficient_funds",
                f"Your wallet holds {held}; lower the amount.",
                field="amount",
                available=held,
            ) from refused
    return transfer


def request_withdrawal(
    user: AbstractBaseUser, group_id: int, account: int, asset: Asset, amount: int, client_id: str = ""
) -> Transfer:
    """Ask the risk group to pay ``amount`` units of ``account`` back into the user's wallet.

    Answers the requested transfer; nothing has moved yet, the kernel decides. Raises ``DomainError``
    ``amount_invalid`` or ``paused``.
    """
    _check_amount(amount)
    check_running(PauseFunction.WITHDRAW, group_id)
    return _request(Direction.WITHDRAW, user, group_id, account, asset, amount, client_id)


def transfer_named(
    user_id: int, client_id: str, direction: Direction, group_id: int, account: int, asset: Asset, amount: int
) -> Transfer | None:
    """The transfer that ``client_id`` named before; ``None`` if there is none.

    To be called in the transaction that would request it: the user's row is locked, so that of two requests with one
    id the second sees the first. Raises ``DomainError("client_id_used")`` if it named another transfer.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=user_id)
    known = Transfer.objects.filter(user_id=user_id, client_id=client_id).select_related("asset").first()
    if known is None:
        return None
    named = (known.direction, known.group_id, known.account, known.asset_id, known.amount)
    if named != (direction, group_id, account, asset.pk, amount):
        raise DomainError(
            "client_id_used", "This id named another transfer; choose a new one.", field="client_id"
        )
    return known


def settle_transfers(group_id: int, settled: Iterable[Sequence[Any]], cursor: Cursor | None = None) -> int:
    """Book the kernel's answers to transfers of a risk group; answers how many transfers it finished.

    ``settled`` holds tuples as ``Settled``. To be called in the transaction that journals the batch: by default the
    one open on Django's connection, or the one on ``cursor``. Idempotent: a transfer that is not on its way any more,
    that is unknown, or whose account, asset or amount differ from what was requested, is left alone. When an id was
    accepted and refused (as a duplicate) in one batch, it was accepted. Raises ``IntegrityError`` if the kernel
    paid out more than the group's escrow holds.
    """
    answers: dict[int, Settled] = {}
    for item in settled:
        answer = Settled(*item)
        if answer.transfer_id <= MAX_UNITS and (answer.accepted or answer.transfer_id not in answers):
            answers[answer.transfer_id] = answer
    if not answers:
        return 0
    if cursor is not None:
        return _settle(group_id, answers, cursor)
    with transaction.atomic(), connection.cursor() as own:
        return _settle(group_id, answers, own)


def _settle(group_id: int, answers: dict[int, Settled], cursor: Cursor) -> int:
    cursor.execute(
        "SELECT id, direction, user_id, account, asset_id, amount FROM ledger_transfer"
        " WHERE id = ANY(%s::bigint[]) AND group_id = %s AND state = 'requested' ORDER BY id FOR UPDATE",
        (list(answers), group_id),
    )
    movements: list[Movement] = []
    finished: list[tuple[int, TransferState, int]] = []
    for pk, direction, user_id, account, asset_id, amount in cursor.fetchall():
        answer = answers[pk]
        deposit = direction == Direction.DEPOSIT
        if (answer.account, answer.asset_id, answer.amount) != (
            account,
            asset_id,
            amount if deposit else -amount,
        ):
            continue
        state = TransferState.SETTLED if answer.accepted else TransferState.REFUSED
        finished.append((pk, state, 0 if answer.accepted else answer.code))
        movement = _movement(pk, deposit, answer.accepted, user_id, group_id, asset_id, amount)
        if movement is not None:
            movements.append(movement)
    if finished:
        try:
            post_transfers(movements, cursor)
        except DomainError as impossible:
            # As the CHECK on balances would say it: the batch of this group is refused, others go on.
            raise IntegrityError(f"risk group {group_id} paid out more than its escrow holds") from impossible
        cursor.execute(
            "UPDATE ledger_transfer t SET state = f.state, code = f.code, finished = now()"
            " FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS f(id, state, code) WHERE t.id = f.id",
            tuple([str(row[i]) if i == 1 else row[i] for row in finished] for i in range(3)),
        )
    return len(finished)


def _movement(
    pk: int, deposit: bool, accepted: bool, user_id: int, group_id: int, asset_id: int, amount: int
) -> Movement | None:
    """What a finished transfer moves in the ledger; a refused withdrawal moves nothing."""
    home, road, vault = wallet(user_id, asset_id), in_transit(user_id, asset_id), escrow(group_id, asset_id)
    if deposit and accepted:
        return Movement(PostingKind.DEPOSIT, road, vault, amount, pk)
    if deposit:
        return Movement(PostingKind.RETURN, road, home, amount, pk)
    if accepted:
        return Movement(PostingKind.WITHDRAWAL, vault, home, amount, pk)
    return None


def _request(
    direction: Direction,
    user: AbstractBaseUser,
    group_id: int,
    account: int,
    asset: Asset,
    amount: int,
    client_id: str,
) -> Transfer:
    return Transfer.objects.create(
        direction=direction,
        user_id=user.pk,
        group_id=group_id,
        account=account,
        asset=asset,
        amount=amount,
        issued_ms=time.time_ns() // 1_000_000,
        client_id=client_id,
    )


def _check_amount(amount: int) -> None:
    if not 0 < amount <= MAX_UNITS:
        raise DomainError("amount_invalid", "Enter an amount above zero.", field="amount")
