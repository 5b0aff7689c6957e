"""Orders that draw what they lack from the wallet, where their owner has switched that on.

The order is sent as it is. If the kernel refuses it for want of funds, the kernel also tells what is missing:
deposits and the order are carried out on a copy until the smallest deposit is found with which it passes. One deposit
of that much is made, and the order is sent again under the same client id. The row that ties deposit and client id is
written in the transaction of the deposit, so a ticket sent again, by a person or after a crash, draws nothing more.
"""

import time
from dataclasses import dataclass

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.engine import client
from exchange_os.engine.sweeper import transfer_command
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import amount_words, to_units
from trading.models import AutoFunding, TicketFunding, TradingAccount
from trading.selectors.auto_funding import (
    auto_funding_of,
    drawn_today,
    funding_assets,
    funding_of_ticket,
    room_of,
)
from trading.selectors.catalogue import tradable_market
from trading.services.algos import Attached, bracket_frame
from trading.services.orders import OrderDraft, OrderRefused, accepted, place_frame
from venues.models import Market, MarketKind, Venue
from venues.services.transfers import refusal_text, start_deposit

FOR_FUNDS = {"risk_insufficient_balance", "risk_margin"}
TRIALS = 50  # deposits and orders of one simulation, which takes 100 commands
FIRST_TRIAL_ID = 2**62  # no transfer has come as far


@dataclass(frozen=True)
class Placed:
    """An accepted order, and the units it drew from the wallet, of the market's quote asset."""

    ack: kernel.Ack
    drawn: int = 0


def set_auto_funding(
    user: AbstractBaseUser, venue: Venue, asset: Asset, *, on: bool, per_order: str, per_day: str
) -> AutoFunding | None:
    """Switch drawing on the wallet on, with its bounds as decimals, or off; a setting that never was is ``None``.

    Raises, at the fields ``per_order`` and ``per_day``: those of ``to_units``, and ``day_below_order``; and
    ``asset_not_traded``.
    """
    mine = AutoFunding.objects.filter(user_id=user.pk, venue=venue, asset=asset)
    if not on:
        mine.update(on=False)
        return mine.first()
    if asset not in funding_assets(venue):
        raise DomainError("asset_not_traded", f"No market of {venue.name} is paid in {asset.symbol}.")
    order_units = to_units(per_order, asset, field="per_order")
    day_units = to_units(per_day, asset, field="per_day")
    if day_units < order_units:
        raise DomainError(
            "day_below_order", "The limit a day is at least the limit of one order.", field="per_day"
        )
    values = {"on": True, "per_order": order_units, "per_day": day_units}
    row, _ = AutoFunding.objects.update_or_create(user_id=user.pk, venue=venue, asset=asset, defaults=values)
    return row


def place_funded(
    account: TradingAccount, market: Market, draft: OrderDraft, attached: Attached | None = None
) -> Placed:
    """Place an order, with what hangs on it, and draw what it lacks from the wallet if its owner lets it.

    Errors as ``place_order``. Where the wallet was looked at, ``details["wallet"]`` of the error says what came of it;
    with ``details["pending"]`` the money is on its way and the same ticket may still be sent again.
    """
    tradable = tradable_market(market)
    if attached is None:
        frame = place_frame(account.number, tradable, draft)
    else:
        frame = bracket_frame(account.number, tradable, draft, attached)
    try:
        return Placed(accepted(tradable.group_id, frame))
    except OrderRefused as refused:
        if refused.code not in FOR_FUNDS or not _pays_in_quote(market, draft):
            raise
        refusal = refused
    transfer = _draw(account, market, frame, draft.client_id, refusal)
    _arrive(account, transfer, refusal)
    try:
        return Placed(accepted(tradable.group_id, frame), transfer.amount)
    except DomainError as error:
        drawn = amount_words(transfer.amount, transfer.asset)
        error.details["wallet"] = f"{drawn} came from your wallet and stays at {account.venue.name}."
        raise


def _pays_in_quote(market: Market, draft: OrderDraft) -> bool:
    """Whether money of the quote asset can help: not with a sale of what is not there."""
    return not draft.reduce_only and (market.kind != MarketKind.SPOT or draft.side == "buy")


def _draw(
    account: TradingAccount, market: Market, frame: bytes, client_id: str, refusal: OrderRefused
) -> Transfer:
    """The one deposit of the order, made now unless it was already. Raises the refusal if none may be made."""
    known = funding_of_ticket(account, client_id)
    if known is not None:
        return known.transfer
    leave = auto_funding_of(account.user_id, account.venue_id, market.quote_id)
    if leave is None or not client_id:
        raise refusal
    room = room_of(account, leave)
    missing = missing_units(account, leave.asset, frame, room.units)
    if not missing:
        refusal.details["wallet"] = f"Your wallet paid nothing: more is missing than {room.bound}."
        raise refusal
    try:
        return _deposit_once(account, leave, client_id, missing)
    except DomainError as error:
        refusal.details["wallet"] = f"Your wallet paid nothing: {error.message}"
        raise refusal from error


def _deposit_once(account: TradingAccount, leave: AutoFunding, client_id: str, missing: int) -> Transfer:
    """The deposit and its row in one transaction; the owner's setting is the lock. Raises as ``start_deposit``."""
    with transaction.atomic():
        locked = AutoFunding.objects.select_for_update().get(pk=leave.pk)
        known = funding_of_ticket(account, client_id)
        if known is not None:
            return known.transfer
        left = locked.per_day - drawn_today(account, leave.asset)
        if not locked.on or missing > min(locked.per_order, left):
            raise DomainError("funding_bound", "your limit was used or changed in the meantime.")
        transfer = start_deposit(account.user, account.venue, account.number, leave.asset, missing)
        TicketFunding.objects.create(account=account, client_id=client_id, transfer=transfer)
    return transfer


def _arrive(account: TradingAccount, transfer: Transfer, refusal: OrderRefused) -> None:
    """Wait until the kernel has decided the deposit; raises the refusal if the money is not there then."""
    drawn = amount_words(transfer.amount, transfer.asset)
    try:
        if transfer.state == TransferState.REQUESTED:
            # It is on its way already: the answer to a repeat comes after the first was decided and booked.
            client.submit(transfer.group_id, transfer_command(transfer))
            transfer.refresh_from_db(fields=["state", "code"])
    except DomainError as error:
        refusal.details |= {"wallet": _on_its_way(drawn, account.venue), "pending": True}
        raise refusal from error
    if transfer.state == TransferState.SETTLED:
        return
    if transfer.state == TransferState.REQUESTED:
        refusal.details |= {"wallet": _on_its_way(drawn, account.venue), "pending": True}
    else:
        refusal.details["wallet"] = f"{drawn} is back in your wallet: {refusal_text(transfer)}"
    raise refusal


def _on_its_way(drawn: str, venue: Venue) -> str:
    return (
        f"{drawn} left your wallet and is on its way to {venue.name}, which has not answered yet; "
        "send the order again in a moment, it draws nothing more."
    )


def missing_units(account: TradingAccount, asset: Asset, frame: bytes, most: int) -> int:
    """The fewest units of ``asset`` with which the kernel would take the order of ``frame``; 0 if ``most`` do not do.

    Raises the engine's ``DomainError``.
    """
    if most <= 0 or _first_enough(account, asset, frame, [most]) is None:
        return 0
    short, enough = 0, most
    while enough - short > 1:
        steps = min(TRIALS, enough - short)
        sums = [short + (enough - short) * step // steps for step in range(1, steps + 1)]
        found = _first_enough(account, asset, frame, sums)
        if found is None:  # the market has moved meanwhile: what was enough is not
            return 0
        short, enough = sums[found - 1] if found else short, sums[found]
    return enough


def _first_enough(account: TradingAccount, asset: Asset, frame: bytes, sums: list[int]) -> int | None:
    """Index of the first of the ascending ``sums`` with which the order passes on a copy of the account."""
    now_ms, had, frames = time.time_ns() // 1_000_000, 0, b""
    for index, units in enumerate(sums):
        trial = FIRST_TRIAL_ID + index
        frames += kernel.deposit(account.number, asset.pk, units - had, transfer_id=trial, issued_ms=now_ms)
        frames, had = frames + frame, units
    question = {"q": "simulate", "account": account.number, "frames": frames.hex()}
    acks = client.query(account.venue.group_id, question).get("acks", ())
    return next((index for index, ack in enumerate(acks[1::2]) if not ack["code"]), None)
