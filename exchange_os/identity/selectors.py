"""Ways into an account."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db.models import QuerySet

from exchange_os.identity.models import EthereumWallet


def wallets_of(user_id: int) -> QuerySet[EthereumWallet]:
    """The wallets that sign the user in, oldest first."""
    return EthereumWallet.objects.filter(user_id=user_id).order_by("pk")


def ways_in(user: User) -> set[tuple[str, int]]:
    """What signs the user in by itself, as ``(kind, id)``: the password of an account with an address, each passkey
    that needs none, each wallet. Authenticator apps, security keys beside a password and recovery codes are none."""
    ways = {("wallet", pk) for pk in wallets_of(user.pk).values_list("pk", flat=True)}
    for each in Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN):
        if each.wrap().is_passwordless:
            ways.add(("passkey", each.pk))
    if user.has_usable_password() and user.email:
        ways.add(("password", 0))
    return ways


def can_lose(user: User, kind: str, pk: int) -> bool:
    """Whether the user still gets in once this way is gone."""
    ways = ways_in(user)
    return (kind, pk) not in ways or len(ways) > 1
