"""Forms of passkeys: what a browser answers is JSON from outside, of any depth and shape, and is refused in words."""

import struct
from typing import Any

import orjson
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError

MAX_CHARACTERS = 50_000
UNREADABLE = "The browser's answer could not be read. Start again."
# What the parsers of a passkey's answer (base64, CBOR, keys) raise for bytes that are no such answer.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)


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
