"""Who an account belongs to: what a letter to one of its addresses may do, and what ends when it changes hands.

An address is verified only by somebody who holds both its mailbox and the account. Until one is, the mailbox of the
address that the account began with is worth more than everything that was set up in the account meanwhile: anybody can
begin an account with an address that is not theirs. See docs/decisions/0290.
"""

import logging
from collections.abc import Callable

from allauth.account.internal.stagekit import unstash_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from exchange_os.identity.selectors import wallets_of

log = logging.getLogger(__name__)

NAMES = {
    Authenticator.Type.TOTP: "the authenticator app",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}

# Each ends one kind of what a user has given to programs, and says what that was, in words.
_endings: list[Callable[[User], list[str]]] = []


def end_with(*endings: Callable[[User], list[str]]) -> None:
    """What else ends when an account changes hands; told once, when the addresses are read."""
    _endings[:] = endings


def is_proved(user: User) -> bool:
    """Whether somebody who held the account has shown to hold the mailbox of one of its addresses."""
    return EmailAddress.objects.filter(user_id=user.pk, verified=True).exists()


def is_taken(email: str) -> bool:
    """Whether an account began with the address or has proved it; what one merely added is a claim and keeps nobody
    out."""
    began = get_user_model().objects.filter(email__iexact=email)
    return began.exists() or EmailAddress.objects.filter(email__iexact=email, verified=True).exists()


def rules_account(user: User, email: str) -> bool:
    """Whether a letter to ``email`` may give the account a new password: a verified address; while none is, the one
    that the account began with. An address added to an account of a wallet or a passkey has no such power before."""
    if is_proved(user):
        return EmailAddress.objects.filter(user_id=user.pk, verified=True, email__iexact=email).exists()
    return bool(user.email) and user.email.lower() == email.lower()


def holds_account(request: HttpRequest, user_id: int) -> bool:
    """Whether this session has proved the account: it is signed in to it, or a letter is all its sign-in waits for."""
    if request.user.is_authenticated:
        return bool(request.user.pk == user_id)
    login = unstash_login(request, peek=True)
    if login is None or login.user is None:
        return False
    waits_for = login.state.get("stages", {}).get("current")
    return bool(login.user.pk == user_id and waits_for == "verify_email")


def keep_proved(address: EmailAddress) -> list[str]:
    """The account has its first verified address: it becomes the primary one, and claims on others that nobody
    confirmed are dropped, so that their owners are free to use them. Answers the dropped ones."""
    with transaction.atomic():
        user = get_user_model().objects.select_for_update().get(pk=address.user_id)
        others = EmailAddress.objects.filter(user_id=user.pk).exclude(pk=address.pk)
        if others.filter(verified=True).exists():
            return []
        address.refresh_from_db()
        if not address.primary:
            address.set_as_primary()
        dropped = list(others.values_list("email", flat=True))
        others.delete()
    return dropped


def take_over(user: User, held: bool) -> list[str]:
    """The owner of the mailbox has set a new password. In an account without a verified address, that verifies the one
    it began with, and unless the session ``held`` the account too, everything ends that was set up in it: second
    factors, passkeys, wallets, keys, other addresses. Answers what ended, in words.

    Staff keep theirs: the operator made those accounts, and a mailbox alone must not open the operator's site.
    """
    if is_proved(user) or user.is_staff or not user.email:
        return []
    ended = [] if held else [words for ending in _endings for words in ending(user)]
    with transaction.atomic():
        locked = get_user_model().objects.select_for_update().get(pk=user.pk)
        address, _ = EmailAddress.objects.get_or_create(user=locked, email=locked.email.lower())
        if not address.set_verified():
            return ended
        if not held:
            ended += _end_ways_in(locked)
        keep_proved(address)
    if ended:
        log.warning("account %s went to the owner of its address; ended: %s", user.pk, ", ".join(ended))
    return ended


def _end_ways_in(user: User) -> list[str]:
    """Remove every way into the account beside the password; what that was, in words."""
    ended = []
    for each in Authenticator.objects.filter(user_id=user.pk).order_by("pk"):
        ended.append(NAMES.get(each.type) or f"the passkey “{each.wrap().name}”")
        each.delete()
    for wallet in wallets_of(user.pk):
        ended.append(f"the wallet {wallet.address[:8]}…")
        wallet.delete()
    return ended
