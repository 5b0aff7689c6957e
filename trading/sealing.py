"""How key material rests: secrets encrypted, keys and passphrases as digests."""

import hashlib
import hmac

from exchange_os.sealing import seal, unseal

PURPOSE = "api key secrets"


def encrypt_secret(secret: bytes) -> bytes:
    """Secret as it rests in the database."""
    return seal(PURPOSE, secret)


def decrypt_secret(token: bytes) -> bytes:
    """Secret in the clear; raises ``cryptography.fernet.InvalidToken`` if no key of ours made it."""
    return unseal(PURPOSE, token)


def key_digest(key: str) -> str:
    """SHA-256 by which a key is looked up."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def passphrase_digest(key: str, passphrase: str) -> bytes:
    """Digest of a passphrase, bound to its key. Passphrases are ours and random, so no slow hash is
    needed."""
    return hmac.digest(key.encode("utf-8", "replace"), passphrase.encode("utf-8", "replace"), hashlib.sha256)
