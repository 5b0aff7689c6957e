"""A wallet of a self-custodied key, as the browser's extension plays it to the page."""

import secrets
from dataclasses import dataclass, field

from eth_keys import keys

from exchange_os.identity.siwe import personal_hash


@dataclass(frozen=True)
class Wallet:
    """A key made here; ``sign`` answers ``personal_sign``."""

    key: keys.PrivateKey = field(default_factory=lambda: keys.PrivateKey(secrets.token_bytes(32)))

    @property
    def address(self) -> str:
        """Its address in the mixed case of EIP-55."""
        return str(self.key.public_key.to_checksum_address())

    def sign(self, text: str) -> str:
        """The signature in hexadecimal, with 27 or 28 as its last byte, as browsers' wallets give it."""
        made = self.key.sign_msg_hash(personal_hash(text)).to_bytes()
        return f"0x{made[:64].hex()}{made[64] + 27:02x}"
