"""What allauth asks of the exchange: wallets prove who is there, letters count for who holds the account, secrets of
second factors rest encrypted."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.signup import send_unknown_account_mail
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest
from django.urls import reverse

from exchange_os.identity.ownership import holds_account, rules_account
from exchange_os.identity.selectors import wallets_of
from exchange_os.sealing import seal, unseal

SEALED = "sealed:"
PURPOSE = "second factors"


def proved_lately(request: HttpRequest) -> bool:
    """Whether the user gave a proof in this session that is still fresh."""
    fresh_since = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(each.get("reauthenticated") and each["at"] > fresh_since for each in records)


class AccountAdapter(DefaultAccountAdapter):
    """A linked wallet proves who is there, as a password does; a passkey can be all that an account begins with."""

    def get_login_stages(self) -> list[str]:
        """The steps of a sign-in. That of a sign-up by passkey runs without the setting that would demand letters."""
        return [*super().get_login_stages(), "allauth.mfa.webauthn.stages.PasskeySignupStage"]

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """The ways to prove who is there, the one to begin with first."""
        methods = super().get_reauthentication_methods(user)
        if user.is_authenticated and wallets_of(user.pk).exists():
            methods.append(
                {
                    "id": "wallet_reauthenticate",
                    "description": "Use your Ethereum wallet",
                    "url": reverse("wallet_reauthenticate"),
                }
            )
        return methods

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whether ``app`` needs a fresh proof. Raises ReauthenticationRequired for users whose only proof is a wallet:
        allauth knows no way to ask them and would let them pass."""
        required = bool(super().is_reauthentication_required(app=app, **kwargs))
        request = context.request
        if required and request.user.is_authenticated:
            ways = [each["id"] for each in self.get_reauthentication_methods(request.user)]
            if ways == ["wallet_reauthenticate"] and not proved_lately(request):
                raise ReauthenticationRequired()
        return required

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Verify the address, if the session that shows the letter has proved the account too."""
        if not holds_account(request, email_address.user_id):
            return False
        return bool(super().confirm_email(request, email_address))

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Send the link to an address that rules the account; others are told that they have none."""
        if rules_account(user, email):
            super().send_password_reset_mail(user, email, context)
        else:
            send_unknown_account_mail(context["request"], email)


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps and seeds of recovery codes are sealed; what was kept before that is read too."""

    def encrypt(self, text: str) -> str:
        """``text`` as it rests in the database."""
        return SEALED + seal(PURPOSE, text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """``text`` in the clear."""
        if not encrypted_text.startswith(SEALED):
            return encrypted_text
        return unseal(PURPOSE, encrypted_text.removeprefix(SEALED).encode()).decode()
