"""Transfers on their way into the kernel: sent at once, and again by the engine's sweeper until they settle."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.engine import client
from exchange_os.engine.sweeper import transfer_command
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer
from exchange_os.ledger.services import request_deposit, request_withdrawal
from venues.models import Phase, Venue, VenueState
from venues.selectors import markets_of
from venues.services.permissions import check_deposit


class AccountDirectory(Protocol):
    """Who trades under which account number; the trader's side, above this app, provides it."""

    def ensure(self, user: AbstractBaseUser, venue: Venue) -> int:
        """The user's account number at the venue, opened if need be; raises ``DomainError``."""

    def numbers(self, user_id: int) -> dict[int, int]:
        """``{venue id: account number}`` of every account the user has opened."""


def send_transfers(transfers: Sequence[Transfer]) -> int:
    """Append the transfers' commands to the streams of their groups, without waiting; how many were appended.

    What was not appended stays in the outbox for the sweeper. Repeats are harmless: the kernel acts on an id once.
    """
    groups: dict[int, list[bytes]] = defaultdict(list)
    for transfer in transfers:
        groups[transfer.group_id].append(transfer_command(transfer))
    sent = 0
    for group_id, commands in groups.items():
        if client.send(group_id, b"".join(commands), len(commands)):
            sent += len(commands)
    return sent


def start_deposit(
    user: AbstractBaseUser, venue: Venue, account: int, asset: Asset, amount: int, client_id: str = ""
) -> Transfer:
    """Move ``amount`` units from the user's wallet to ``account`` at the venue; answers the transfer on its way.

    Raises ``venue_not_open``, ``asset_not_traded``, ``amount_invalid``, ``insufficient_funds``, and of a venue with
    a policy ``access_…`` and ``deposit_limit``.
    """
    check_traded(venue, asset)
    if venue.state != VenueState.OPEN:
        raise DomainError(
            "venue_not_open", f"{venue.name} is halted and takes no deposits; withdrawals stay open."
        )
    with transaction.atomic():
        check_deposit(user, venue, account, asset, amount)
        transfer = request_deposit(user, venue.group_id, account, asset, amount, client_id)
        transaction.on_commit(partial(send_transfers, [transfer]))
    return transfer


def start_withdrawal(
    user: AbstractBaseUser, venue: Venue, account: int, asset: Asset, amount: int, client_id: str = ""
) -> Transfer:
    """Ask for ``amount`` units of ``account`` at the venue to go to the user's wallet; the kernel decides.

    Raises ``asset_not_traded``, ``amount_invalid``.
    """
    check_traded(venue, asset)
    with transaction.atomic():
        transfer = request_withdrawal(user, venue.group_id, account, asset, amount, client_id)
        transaction.on_commit(partial(send_transfers, [transfer]))
    return transfer


def check_traded(venue: Venue, asset: Asset) -> None:
    """Refuse with ``asset_not_traded`` an asset in which the venue has no market."""
    markets = markets_of(venue).exclude(phase=Phase.PENDING)
    if not (markets.filter(base=asset).exists() or markets.filter(quote=asset).exists()):
        raise DomainError(
            "asset_not_traded",
            f"{venue.name} has no market in {asset.symbol}; choose an asset it trades.",
            field="asset",
        )


def refusal_text(transfer: Transfer) -> str:
    """Why the kernel refused a transfer, in a sentence; empty if it did not."""
    if not transfer.code:
        return ""
    return kernel.REJECTS.get(transfer.code, ("", "The venue refused the transfer."))[1]
