"""How secrets rest in the database: encrypted by keys derived from the installation's, one for each purpose."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=8)
def _ciphers(purpose: str, material: tuple[str, ...]) -> MultiFernet:
    derived = (
        hashlib.sha256(f"exchange-os {purpose}\x00".encode() + text.encode()).digest() for text in material
    )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in derived])


def _key_material() -> tuple[str, ...]:
    """Newest first; older ones only decrypt, so a key can be rotated without a moment of downtime."""
    return tuple(settings.API_SECRET_KEYS) or (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


def seal(purpose: str, secret: bytes) -> bytes:
    """``secret`` as it rests in the database; only the same ``purpose`` opens it again."""
    return _ciphers(purpose, _key_material()).encrypt(secret)


def unseal(purpose: str, token: bytes) -> bytes:
    """The secret in the clear; raises ``cryptography.fernet.InvalidToken`` if no key of ours sealed it for this."""
    return _ciphers(purpose, _key_material()).decrypt(token)
