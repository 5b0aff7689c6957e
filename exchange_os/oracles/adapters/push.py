"""Prices the deployer pushes, signed with an Ed25519 key whose public half the source keeps.

The body is JSON: ``source`` (id), ``price`` (decimal as text), ``published_ms``, ``nonce`` (whole, larger than any
before); the signature is over its very bytes. So a push cannot be altered, and not be sent again.
"""

import base64
import binascii
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import settings
from exchange_os.oracles.readings import Reading, SourceError, exact_decimal, parse_json

MAX_BODY_BYTES = 2_048
MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Push:
    """A pushed price as sent, not yet believed."""

    source_id: int
    reading: Reading
    nonce: int


def check(config: dict[str, Any]) -> None:
    """``public_key``: 32 bytes in base64."""
    key = settings.text(config, "public_key", r"[A-Za-z0-9+/]{43}=")
    _public_key(key)


def parse(body: bytes) -> Push:
    """The push in a request's body. Raises ``DomainError`` ``push_malformed``."""
    if len(body) > MAX_BODY_BYTES:
        raise DomainError("push_malformed", "A push is at most 2,048 bytes long.")
    try:
        told = parse_json(body)
        price = exact_decimal(told["price"])
        source_id, nonce, published_ms = (_whole(told[name]) for name in ("source", "nonce", "published_ms"))
    except (SourceError, KeyError, TypeError) as error:
        raise DomainError(
            "push_malformed", "A push tells source, price, published_ms and nonce as JSON."
        ) from error
    return Push(source_id, Reading(price, published_ms), nonce)


def verify(config: dict[str, Any], body: bytes, signature: str) -> None:
    """Check the signature (base64) of a body. Raises ``DomainError`` ``push_signature``."""
    try:
        _public_key(config["public_key"]).verify(base64.b64decode(signature, validate=True), body)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise DomainError("push_signature", "The signature is not that of this source's key.") from error


def _public_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def _whole(value: Any) -> int:
    number = value if isinstance(value, Decimal) else None
    if number is None or number != number.to_integral_value() or not 0 < number <= MAX_NUMBER:
        raise TypeError("not a whole number above zero")
    return int(number)
