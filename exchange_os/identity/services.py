"""Wallets as credentials: asked to sign, verified, linked, taken away.

What a session is waiting for (its challenge) is taken out of the session before anything is checked, so a message
counts at most once, and only in the session that asked for it.
"""

import secrets
from collections.abc import MutableMapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.identity.models import EthereumWallet
from exchange_os.identity.selectors import can_lose
from exchange_os.identity.siwe import Expected, new_message, verified_address

CHALLENGE = "wallet_challenge"
MAX_WALLETS = 10
ABANDONED_AFTER = timedelta(days=1)
LAST_WAY = (
    "This is the last way into your account. Set a password, add a passkey or link another wallet first, then remove "
    "this one."
)


class Purpose(StrEnum):
    """What a signature is asked for."""

    SIGN_IN = "sign_in"
    LINK = "link"
    CONFIRM = "confirm"


STATEMENTS = {
    Purpose.SIGN_IN: "Sign in to Exchange OS. This moves no money and costs nothing.",
    Purpose.LINK: "Let this wallet sign in to my Exchange OS account. This moves no money and costs nothing.",
    Purpose.CONFIRM: "Confirm that it is me who uses my Exchange OS account. This moves no money and costs nothing.",
}


def begin_challenge(
    session: MutableMapping[str, Any], purpose: Purpose, address: str, chain_id: int, domain: str, uri: str
) -> str:
    """The message the wallet of ``address`` must sign in this session; an earlier one no longer counts.

    Errors: ``wallet_address_invalid`` and ``wallet_chain_invalid``.
    """
    nonce = secrets.token_hex(16)
    message = new_message(
        Expected(domain, uri, chain_id, nonce), address, STATEMENTS[purpose], timezone.now()
    )
    session[CHALLENGE] = {"purpose": purpose.value, "nonce": nonce, "chain_id": chain_id}
    return message.text()


def complete_challenge(
    session: MutableMapping[str, Any], purpose: Purpose, message: str, signature: str, domain: str, uri: str
) -> str:
    """The address that signed what this session asked for; it counts once. Errors: ``wallet_nonce_wrong`` when nothing
    was asked for, and those of ``verified_address``."""
    due = session.pop(CHALLENGE, None)
    if due is None or due["purpose"] != purpose.value:
        raise DomainError(
            "wallet_nonce_wrong", "This message was used already, or was not asked for. Start again."
        )
    expected = Expected(domain, uri, due["chain_id"], due["nonce"])
    return verified_address(message.replace("\r\n", "\n"), signature, expected, timezone.now())


def user_of_wallet(address: str) -> User | None:
    """The user whom the wallet signs in, which is noted; ``None`` for a wallet that is new here."""
    wallet = EthereumWallet.objects.select_related("user").filter(address=address).first()
    if wallet is None:
        return None
    EthereumWallet.objects.filter(pk=wallet.pk).update(last_used_at=timezone.now())
    return wallet.user


def sign_up_wallet(address: str) -> User:
    """A new user whom the wallet signs in: without address and password. Told twice at once, both get the one user."""
    try:
        with transaction.atomic():
            user = _new_user(f"wallet-{address[2:10].lower()}")
            EthereumWallet.objects.create(user=user, address=address, last_used_at=timezone.now())
    except IntegrityError:
        found = user_of_wallet(address)
        if found is None:
            raise
        return found
    return user


def sign_up_passkey() -> User:
    """A new user who has nothing yet; a passkey is added before the first sign-in, or the user is deleted later."""
    return _new_user(f"trader-{secrets.token_hex(4)}")


def _new_user(name: str) -> User:
    username = get_adapter().generate_unique_username([name])
    return get_user_model().objects.create_user(username)


def link_wallet(user: User, address: str) -> EthereumWallet:
    """Let the wallet sign the user in; it stays as it is if it does already.

    Errors: ``wallet_taken`` if it signs in somebody else, ``too_many_wallets``.
    """
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=user.pk)
        held = EthereumWallet.objects.filter(address=address).first()
        if held is not None and held.user_id != user.pk:
            raise DomainError(
                "wallet_taken",
                "This wallet has an account of its own. Sign in with it and unlink it there first.",
            )
        if held is not None:
            return held
        if EthereumWallet.objects.filter(user_id=user.pk).count() >= MAX_WALLETS:
            raise DomainError(
                "too_many_wallets", f"An account has at most {MAX_WALLETS} wallets; unlink one first."
            )
        try:
            with transaction.atomic():
                return EthereumWallet.objects.create(user_id=user.pk, address=address)
        except IntegrityError:
            raise DomainError(
                "wallet_taken", "This wallet was linked to another account meanwhile."
            ) from None


def unlink_wallet(user: User, wallet_id: int) -> EthereumWallet:
    """Take a wallet of the user away. Errors: ``wallet_unknown``, ``last_way_in``."""
    with transaction.atomic():
        locked = get_user_model().objects.select_for_update().get(pk=user.pk)
        wallet = EthereumWallet.objects.filter(pk=wallet_id, user_id=user.pk).first()
        if wallet is None:
            raise DomainError("wallet_unknown", "Your account has no such wallet.")
        if not can_lose(locked, "wallet", wallet.pk):
            raise DomainError("last_way_in", LAST_WAY)
        wallet.delete()
    return wallet


def delete_abandoned_sign_ups() -> int:
    """Delete users who began to sign up by passkey a day ago and never added one; how many there were."""
    users = get_user_model().objects.filter(
        username__startswith="trader-",
        email="",
        last_login=None,
        date_joined__lt=timezone.now() - ABANDONED_AFTER,
    )
    idle = users.exclude(pk__in=EthereumWallet.objects.values("user_id")).exclude(
        pk__in=Authenticator.objects.values("user_id")
    )
    return sum(user.delete()[0] > 0 for user in idle if not user.has_usable_password())
