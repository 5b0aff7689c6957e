"""What votes say: in the clear, or unsealed by whoever has the installation's key."""

import json
from dataclasses import dataclass

from cryptography.fernet import InvalidToken

from exchange_os.errors import DomainError
from exchange_os.sealing import unseal
from governance.models import Choice, Vote, VoteChallenge

PURPOSE = "vote"


@dataclass(frozen=True)
class Said:
    """A vote as it was signed. ``digest`` is that of the decision's text."""

    message: bytes
    digest: str
    choice: str
    share_ppm: int | None
    option: str
    rationale: str

    @property
    def label(self) -> str:
        """The choice in words."""
        return str(Choice(self.choice).label)


def said_in(row: Vote | VoteChallenge) -> Said:
    """What a vote says, unsealed if need be. Raises ``vote_key_missing``."""
    message = bytes(row.message)
    if row.sealed:
        try:
            message = unseal(PURPOSE, bytes(row.sealed))
        except InvalidToken as wrong:
            raise DomainError(
                "vote_key_missing",
                "A sealed vote cannot be opened: the key that sealed it is gone. Add it to API_SECRET_KEYS again, "
                "after the present one.",
            ) from wrong
    said = json.loads(message)
    return Said(message, *(said[name] for name in ("digest", "choice", "share_ppm", "option", "rationale")))
