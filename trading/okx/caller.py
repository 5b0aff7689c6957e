"""Who calls: the venue they address, and the account and rights of their key."""

import time
from dataclasses import dataclass

from trading.models import Permission
from trading.okx import signing
from trading.okx.errors import DialectError
from trading.sealing import passphrase_digest
from trading.selectors.catalogue import VenueCatalogue
from trading.selectors.credentials import Credential, find_credential


@dataclass(frozen=True)
class Caller:
    """A caller known by a key (or, on a page's own socket, by the session): what they address and may do."""

    catalogue: VenueCatalogue
    user_id: int
    account: int
    key_id: int
    permissions: frozenset[str]

    def require(self, permission: Permission) -> None:
        """50114 unless the key may do this."""
        if permission.value not in self.permissions:
            raise DialectError("50114", f"This key has no '{permission.label}' permission.")


@dataclass(frozen=True)
class SignedHead:
    """The four headers that sign a request."""

    key: str
    passphrase: str
    timestamp: str
    signature: str

    def check_complete(self) -> None:
        """50103, 50104, 50106 or 50107 if one of the headers is empty."""
        for value, code, name in (
            (self.key, "50103", "OK-ACCESS-KEY"),
            (self.passphrase, "50104", "OK-ACCESS-PASSPHRASE"),
            (self.signature, "50106", "OK-ACCESS-SIGN"),
            (self.timestamp, "50107", "OK-ACCESS-TIMESTAMP"),
        ):
            if not value:
                raise DialectError(code, f"Request header {name} cannot be empty.")


async def known_key(catalogue: VenueCatalogue, key: str, passphrase: str, address: str) -> Credential:
    """The live key of this venue; 50111 unless there is one, 50105 on a wrong passphrase, 50110 from a wrong
    place."""
    credential = await find_credential(key)
    if credential is None or credential.venue_id != catalogue.id or not credential.opened:
        raise DialectError("50111", "Invalid OK-ACCESS-KEY: no such key at this venue.")
    if credential.expires_at is not None and credential.expires_at.timestamp() <= time.time():
        raise DialectError("50111", "Invalid OK-ACCESS-KEY: the key has expired.")
    if not signing.equal_bytes(passphrase_digest(key, passphrase), credential.passphrase_digest):
        raise DialectError("50105", "OK-ACCESS-PASSPHRASE incorrect.")
    if not credential.allows_address(address):
        raise DialectError("50110", f"Your IP {address} is not on this key's list of allowed addresses.")
    return credential


def caller_of(catalogue: VenueCatalogue, credential: Credential) -> Caller:
    """The caller whom a verified key stands for."""
    return Caller(
        catalogue, credential.user_id, credential.account, credential.key_id, credential.permissions
    )
