"""Words that people type and others read: no letter hides, no alphabet is mixed in, and what looks alike is found.

Which letters look alike comes from Unicode's own table (Technical Standard 39), by way of ``confusable_homoglyphs``.
"""

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs import categories, confusables

from exchange_os.errors import DomainError

#: Of two signs that are taken for each other, the one that stands for both.
LOOKALIKES = str.maketrans(
    {"0": "O", "1": "I", "L": "I", "5": "S", "8": "B", "2": "Z", "6": "G", "V": "U", "W": "M"}
)
PAIRS = (("RN", "M"), ("UU", "M"), ("CI", "D"))
#: Words that a name may not hold: they would make it look like the platform's own.
OURS = ("official", "exchangeos", "operator", "administrator", "moderator")
SEPARATORS = re.compile(r"[\W_]+")


def check_plain(text: str, *, field: str) -> str:
    """The text if every sign of it can be seen; ``text_hidden`` for control, direction and zero-width signs."""
    for sign in text:
        if sign not in "\n\r\t" and unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"):
            raise DomainError(
                "text_hidden",
                f"It holds an invisible sign (U+{ord(sign):04X}) that could mislead readers; type it anew without it.",
                field=field,
            )
    return text


def check_name_letters(name: str, *, field: str) -> str:
    """The name if it is plain, of one alphabet, and does not pass itself off as the platform's own.

    Raises ``text_hidden``, ``name_mixed``, ``name_reserved``.
    """
    check_plain(name, field=field)
    if confusables.is_dangerous(name):
        raise DomainError(
            "name_mixed",
            "It mixes alphabets whose letters look alike; write it in one alphabet.",
            field=field,
        )
    shape = skeleton(name)
    taken = next((word for word in OURS if skeleton(word) in shape), None)
    if taken is not None:
        raise DomainError(
            "name_reserved",
            f"It reads like “{taken}”, which only the platform may call itself; choose another name.",
            field=field,
        )
    return name


def skeleton(text: str) -> str:
    """What ``text`` looks like, roughly: equal for two texts that a reader may take for each other."""
    letters = (
        _latin(sign) for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)
    )
    shape = SEPARATORS.sub("", "".join(letters)).upper().translate(LOOKALIKES)
    for pair, single in PAIRS:
        shape = shape.replace(pair, single)
    return shape


@lru_cache(maxsize=4096)
def _latin(sign: str) -> str:
    """The Latin letter that a letter of another alphabet looks like; any other sign as it is."""
    if sign.isascii() or categories.alias(sign) == "LATIN":
        return sign
    found = confusables.is_confusable(sign, greedy=True, preferred_aliases=[])
    alike = [item["c"] for match in found or [] for item in match["homoglyphs"]]
    return next((text for text in alike if text.isascii() and text.isalnum()), sign)
