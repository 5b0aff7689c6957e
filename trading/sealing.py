"""How key material rests: secrets encrypted, keys and passphrases as digests."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _ciphers(material: tuple[str, ...]) -> MultiFernet:
    derived = (
        hashlib.sha256(b"exchange-os api key secrets\x00" + text.encode()).digest() for text in material
    )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in derived])


def _key_material() -> tuple[str, ...]:
    """Newest first; older ones only decrypt, so a key can be rotated without a moment of downtime."""
    return tuple(settings.API_SECRET_KEYS) or (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


def encrypt_secret(secret: bytes) -> bytes:
    """Secret as it rests in the database."""
    return _ciphers(_key_material()).encrypt(secret)


def decrypt_secret(token: bytes) -> bytes:
    """Secret in the clear; raises ``cryptography.fernet.InvalidToken`` if no key of ours made it."""
    return _ciphers(_key_material()).decrypt(token)


def key_digest(key: str) -> str:
    """SHA-256 by which a key is looked up."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def passphrase_digest(key: str, passphrase: str) -> bytes:
    """Digest of a passphrase, bound to its key. Passphrases are ours and random, so no slow hash is
    needed."""
    return hmac.digest(key.encode("utf-8", "replace"), passphrase.encode("utf-8", "replace"), hashlib.sha256)
