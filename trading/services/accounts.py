"""Trading accounts: opened when they are first needed, and once."""

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from trading.models import FIRST_USER_ACCOUNT, TradingAccount
from venues.models import AccountPermission, Venue, VenueState
from venues.services.permissions import check_may_open

_ALREADY_EXISTS = next(code for code, (name, _) in kernel.REJECTS.items() if name == "STATE_ALREADY_EXISTS")


def ensure_account(user: AbstractBaseUser, venue: Venue) -> TradingAccount:
    """The user's account at the venue, opened now if it was not yet.

    Errors: ``front_over``, ``access_…`` when the venue's policy refuses the user, ``account_refused`` when the kernel
    does, and the engine's ``Busy``, ``OutcomeUnknown``; after either calling again finishes the work.
    """
    account = TradingAccount.objects.select_related("venue").filter(user_id=user.pk, venue=venue).first()
    if account is None or account.opened_at is None:
        _check_front(venue)
        permission = check_may_open(user, venue)
        account = account or _reserve(user, venue)
        _open(account, permission)
    return account


def _check_front(venue: Venue) -> None:
    """Refuse with ``front_over`` to open an account at a front that has ended or is not live yet."""
    if venue.fronts_id and Venue.objects.get(pk=venue.pk).state != VenueState.OPEN:
        raise DomainError("front_over", f"{venue.name} takes no new accounts.")


def _reserve(user: AbstractBaseUser, venue: Venue) -> TradingAccount:
    """Give the user the risk group's next account number; the row of the venue that owns the group is the lock."""
    with transaction.atomic():
        Venue.objects.select_for_update().get(pk=venue.books_id)
        locked = Venue.objects.get(pk=venue.pk)
        account = TradingAccount.objects.select_related("venue").filter(user_id=user.pk, venue=locked).first()
        if account is not None:
            return account
        last = TradingAccount.objects.filter(venue__group_id=locked.group_id).aggregate(last=Max("number"))[
            "last"
        ]
        number = FIRST_USER_ACCOUNT if last is None else last + 1
        return TradingAccount.objects.create(user_id=user.pk, venue=locked, number=number)


def _open(account: TradingAccount, permission: AccountPermission | None) -> None:
    """Open the account in the kernel, bound as its permission says from the first moment on."""
    frames = [kernel.open_account(account.number, owner=account.user_id)]
    if account.venue.builder_code:
        cap = account.venue.builder_ppm  # whoever opens an account at a front agrees to its fee
        builder = account.venue.builder_account or 0
        frames.append(kernel.approve_builder(account.number, builder, cap_ppm=cap))
    if permission is not None:
        frames.append(kernel.set_account(account.number, owner=account.user_id, flags=permission.flags))
    packed = client.submit_packed(account.venue.group_id, b"".join(frames), len(frames))
    ack = kernel.decode_acks(packed)[0]
    if ack.code not in (0, _ALREADY_EXISTS):
        name, sentence = kernel.REJECTS[ack.code]
        raise DomainError("account_refused", f"The venue could not open an account: {sentence}", reject=name)
    account.opened_at = timezone.now()
    account.save(update_fields=["opened_at"])
    if permission is not None:
        AccountPermission.objects.filter(pk=permission.pk, flags=permission.flags).update(
            told=permission.flags
        )


class TradingAccounts:
    """The trader's side of transfers: who trades under which account number (``venues`` asks, ``trading``
    knows)."""

    def ensure(self, user: AbstractBaseUser, venue: Venue) -> int:
        """The user's account number at the venue, opened if need be. Errors as ``ensure_account``."""
        return ensure_account(user, venue).number

    def numbers(self, user_id: int) -> dict[int, int]:
        """``{venue id: account number}`` of every account the user has opened."""
        rows = TradingAccount.objects.filter(user_id=user_id, opened_at__isnull=False)
        return dict(rows.values_list("venue_id", "number"))
