"""Second factors proved for one vote: a passkey signs the vote itself, a code of an app is used up by it.

A passkey's challenge is the SHA-256 of the vote's message, so its signature is over this digest, choice, share and
rationale, and stays checkable for good. A code cannot be bound that way: it is taken together with a message that is
good once and for minutes, and a code is taken once.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal import auth as webauthn
from django.contrib.auth.models import AbstractBaseUser
from fido2.webauthn import UserVerificationRequirement


@dataclass(frozen=True)
class Code:
    """A code of an authenticator app."""

    text: str


@dataclass(frozen=True)
class Passkey:
    """What the browser's ``navigator.credentials.get`` answered, as JSON."""

    answer: dict[str, Any]


Proof = Code | Passkey


@dataclass(frozen=True)
class Proved:
    """By which factor, and what of it is kept."""

    method: str
    kept: dict[str, Any]


def has_passkey(user: AbstractBaseUser) -> bool:
    """Whether the user can sign votes with a passkey."""
    return Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN).exists()


def has_app(user: AbstractBaseUser) -> bool:
    """Whether the user has an authenticator app."""
    return Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists()


def passkey_request(user: AbstractBaseUser, message: bytes) -> dict[str, Any]:
    """What ``navigator.credentials.get`` is to be asked so that a passkey of the user signs the message."""
    options, _ = _begin(user, message)
    return dict(options)


def prove(user: AbstractBaseUser, message: bytes, proof: Proof) -> Proved | None:
    """Check the proof for this user and message; ``None`` if it is wrong or was used before."""
    if isinstance(proof, Code):
        return _prove_code(user, proof.text.strip())
    _, state = _begin(user, message)
    try:
        webauthn.get_server().authenticate_complete(state, webauthn.get_credentials(user), proof.answer)
    except (ValueError, TypeError, KeyError):
        return None
    return Proved("webauthn", {"answer": proof.answer})


def _prove_code(user: AbstractBaseUser, code: str) -> Proved | None:
    app = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).first()
    if app is None or not code or not TOTP(app).validate_code(code):
        return None
    return Proved("totp", {"authenticator": app.pk})


def _begin(user: AbstractBaseUser, message: bytes) -> tuple[Any, Any]:
    return webauthn.get_server().authenticate_begin(
        credentials=webauthn.get_credentials(user),
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=sha256(message).digest(),
    )
