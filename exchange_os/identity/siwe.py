"""Sign-In with Ethereum (EIP-4361): the message a wallet signs, and what makes a signature of it count.

The server writes the message and the wallet signs it by EIP-191. Only the form written here is read back: the optional
parts of the standard that the exchange does not use (scheme, not-before, request id, resources) are refused, so that a
message means exactly what its fields say. Nothing here knows of sessions; who keeps the nonce says which one is due.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils import is_checksum_address, is_hex_address, keccak, to_checksum_address

from exchange_os.errors import DomainError

VALID_FOR = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=30)
MAX_CHAIN_ID = 2**53 - 1  # what a script can hold
KEY_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
ANY_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){1,4096}")
SMART_CONTRACT = (
    "Wallets that are smart contracts (EIP-1271) cannot sign in here, because their signatures can be checked on a "
    "chain only. Use a wallet with a private key of its own, or a passkey."
)

_MESSAGE = re.compile(
    r"(?P<domain>[^\s/?#@]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n"
    r"\n"
    r"(?P<statement>[^\n]+)\n"
    r"\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,15})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
    r"Issued At: (?P<issued_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\n"
    r"Expiration Time: (?P<expires_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
)


@dataclass(frozen=True)
class SignInMessage:
    """The fields of a message; times are in UTC and whole seconds."""

    domain: str
    address: str
    statement: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime

    def text(self) -> str:
        """The message as a wallet shows and signs it."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n{self.address}\n\n{self.statement}\n\n"
            f"URI: {self.uri}\nVersion: 1\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {self.issued_at:%Y-%m-%dT%H:%M:%SZ}\nExpiration Time: {self.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        )


@dataclass(frozen=True)
class Expected:
    """What a message must say to count: where it was asked for, on which chain, and the nonce that is due."""

    domain: str
    uri: str
    chain_id: int
    nonce: str


def checked_address(text: str) -> str:
    """An address in the mixed case of EIP-55. Errors: ``wallet_address_invalid``."""
    if (
        not is_hex_address(text)
        or not text.startswith("0x")
        or (_is_mixed(text) and not is_checksum_address(text))
    ):
        raise DomainError(
            "wallet_address_invalid", "This is not an Ethereum address. Choose an account in your wallet."
        )
    return str(to_checksum_address(text))


def new_message(expected: Expected, address: str, statement: str, now: datetime) -> SignInMessage:
    """What the wallet of ``address`` is asked to sign. Errors: ``wallet_address_invalid``, ``wallet_chain_invalid``."""
    if not 0 < expected.chain_id <= MAX_CHAIN_ID:
        raise DomainError(
            "wallet_chain_invalid", "Your wallet is on a chain without a valid number. Choose another."
        )
    issued_at = now.astimezone(UTC).replace(microsecond=0)
    return SignInMessage(
        expected.domain, checked_address(address), statement, expected.uri, expected.chain_id, expected.nonce,
        issued_at, issued_at + VALID_FOR,
    )  # fmt: skip


def parse_message(text: str) -> SignInMessage:
    """The fields of a message in the one form that is taken. Errors: ``wallet_message_malformed``."""
    found = _MESSAGE.fullmatch(text)
    try:
        if found is None or not is_checksum_address(found["address"]):
            raise ValueError
        issued_at, expires_at = (
            datetime.strptime(found[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            for name in ("issued_at", "expires_at")
        )
    except ValueError:
        raise DomainError(
            "wallet_message_malformed", "This is not the message that was asked for. Start again."
        ) from None
    return SignInMessage(
        found["domain"], found["address"], found["statement"], found["uri"], int(found["chain_id"]), found["nonce"],
        issued_at, expires_at,
    )  # fmt: skip


def verified_address(text: str, signature: str, expected: Expected, now: datetime) -> str:
    """The address that signed ``text``, which says what was ``expected`` and is still valid.

    Errors: ``wallet_message_malformed``, ``wallet_domain_wrong``, ``wallet_chain_wrong``, ``wallet_nonce_wrong``,
    ``wallet_message_expired``, ``wallet_signature_invalid``, ``wallet_is_contract`` and ``wallet_address_wrong``.
    """
    message = parse_message(text)
    if (message.domain, message.uri) != (expected.domain, expected.uri):
        raise DomainError(
            "wallet_domain_wrong",
            f"The signed message is for {message.uri}, not for this page. Sign only what this page asks for.",
        )
    if message.chain_id != expected.chain_id:
        raise DomainError("wallet_chain_wrong", "Your wallet changed its chain meanwhile. Start again.")
    if message.nonce != expected.nonce:
        raise DomainError("wallet_nonce_wrong", "This message was not asked for now. Start again.")
    if message.expires_at - message.issued_at > VALID_FOR:
        raise DomainError("wallet_message_malformed", "The message is valid for too long. Start again.")
    if not message.issued_at - CLOCK_SKEW <= now < message.expires_at:
        raise DomainError(
            "wallet_message_expired",
            f"The message has expired; it is valid for {VALID_FOR.seconds // 60} minutes. Start again.",
        )
    if _signer(text, signature) != message.address:
        raise DomainError(
            "wallet_address_wrong",
            f"Another account than {message.address} signed. Choose this account in your wallet. {SMART_CONTRACT}",
        )
    return message.address


def personal_hash(text: str) -> bytes:
    """The 32 bytes that a wallet signs for ``text`` by ``personal_sign`` (EIP-191, version 0x45)."""
    message = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)


def _signer(text: str, signature: str) -> str:
    if KEY_SIGNATURE.fullmatch(signature) is None:
        if ANY_SIGNATURE.fullmatch(signature) is not None and len(signature) > 132:
            raise DomainError("wallet_is_contract", SMART_CONTRACT)
        raise DomainError("wallet_signature_invalid", "Your wallet gave no signature. Start again.")
    raw = bytes.fromhex(signature[2:])
    recovery = raw[64] + 27 if raw[64] < 2 else raw[64]  # hardware wallets give 0 and 1 for 27 and 28
    try:
        if recovery not in (27, 28):
            raise ValueError
        made = Signature(raw[:64] + bytes([recovery - 27]))
        return str(made.recover_public_key_from_msg_hash(personal_hash(text)).to_checksum_address())
    except (BadSignature, ValidationError, ValueError):
        raise DomainError("wallet_signature_invalid", "The signature is not valid. Start again.") from None


def _is_mixed(text: str) -> bool:
    return text[2:] not in (text[2:].lower(), text[2:].upper())
