"""Evidence as it is handed in, checked: a file, or a link with the hash of what stands there."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from exchange_os.errors import DomainError

MAX_FILE_BYTES = 2_000_000
MAX_ITEMS = 5
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class EvidenceItem:
    """One piece: ``content`` of a file, else ``link``; ``sha256`` in hexadecimal of either."""

    name: str
    sha256: str
    link: str = ""
    content: bytes = b""


def evidence_file(name: str, content: bytes) -> EvidenceItem:
    """A file as evidence, hashed here. Raises ``evidence_empty``, ``evidence_too_large``."""
    if not content:
        raise DomainError("evidence_empty", "The file is empty; choose another.", field="files")
    if len(content) > MAX_FILE_BYTES:
        raise DomainError(
            "evidence_too_large",
            f"A file of evidence has at most {MAX_FILE_BYTES // 1_000_000} MB; send a link with its hash instead.",
            field="files",
        )
    plain = "".join(letter for letter in name.replace("\\", "/").rsplit("/", 1)[-1] if letter.isprintable())
    return EvidenceItem(plain[:120] or "file", hashlib.sha256(content).hexdigest(), content=content)


def evidence_link(link: str, sha256: str) -> EvidenceItem:
    """A link as evidence, with the SHA-256 of what stood there. Raises ``evidence_link``, ``evidence_hash``."""
    link, digest = link.strip(), sha256.strip().lower()
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or len(link) > 300:
        raise DomainError(
            "evidence_link", "Give a link that begins with https:// and has at most 300 characters.", field="link"
        )  # fmt: skip
    if not _HASH.fullmatch(digest):
        raise DomainError(
            "evidence_hash",
            "Give the SHA-256 of what the link shows, 64 hexadecimal digits, so that a change can be seen.",
            field="hash",
        )
    return EvidenceItem(parts.netloc[:120], digest, link=link)
