"""Forms of accounts: an address is taken by who began with it or has proved it. What a browser answers of passkeys is
JSON from outside, of any depth and shape, and is refused in words."""

import struct
from typing import Any

import orjson
from allauth.account.forms import SignupForm
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError

from exchange_os.identity.ownership import is_taken

MAX_CHARACTERS = 50_000
UNREADABLE = "The browser's answer could not be read. Start again."
# What the parsers of a passkey's answer (base64, CBOR, keys) raise for bytes that are no such answer.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)


class SignUp(SignupForm):
    """A new account. An address that another account merely claims is free for who signs up with it."""

    def validate_unique_email(self, value: str) -> str:
        """``value``. Raises ValidationError if another account's it is, and the letters do not tell so."""
        if is_taken(value):
            return str(super().validate_unique_email(value))
        self.account_already_exists = False
        return value


class AnswerField(forms.CharField):
    """A JSON object as a browser made it, of bounded size and depth."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        """The object. Raises ValidationError."""
        text = super().to_python(value)
        if not text:
            return text
        try:
            found = orjson.loads(text) if len(text) <= MAX_CHARACTERS else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValidationError(UNREADABLE)
        return found


class _Added:
    def clean(self) -> Any:
        try:
            return super().clean()  # type: ignore[misc]
        except MALFORMED as error:
            raise ValidationError(UNREADABLE) from error


class _Shown:
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MALFORMED as error:
            raise ValidationError(UNREADABLE) from error


class AddPasskey(_Added, webauthn.AddWebAuthnForm):
    """A passkey for an account."""

    credential = AnswerField()


class SignUpPasskey(_Added, webauthn.SignupWebAuthnForm):
    """The passkey an account begins with."""

    credential = AnswerField()


class AuthenticatePasskey(_Shown, webauthn.AuthenticateWebAuthnForm):
    """A passkey after a password."""

    credential = AnswerField()


class LoginPasskey(_Shown, webauthn.LoginWebAuthnForm):
    """A passkey alone."""

    credential = AnswerField()


class ReauthenticatePasskey(_Shown, webauthn.ReauthenticateWebAuthnForm):
    """A passkey once more."""

    credential = AnswerField()
