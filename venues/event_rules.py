"""The rules of an event: what decides it, what counts until when, and what happens on a tie or if it cannot be decided.

They are four inputs, none of which may be missing, and one text for traders; ``split_rules`` finds the four again.
"""

from collections.abc import Mapping
from typing import Any

from exchange_os.errors import DomainError
from venues.errors import Gatherer
from venues.inputs import text_of

#: Input -> (how it begins in the text, what a refusal calls it, characters at least and at most).
PARTS = {
    "rules": ("", "what decides it", 20, 2400),
    "cut_off": ("Cut-off", "the cut-off: until when what happens counts", 4, 400),
    "tie": ("Tie", "the tie rule: what a tie or an exact hit of a bound pays", 4, 400),
    "void": (
        "Void",
        "the void rule: when the event is void, and that it then pays the last fair prices",
        4,
        400,
    ),
}


def read_rules(data: Mapping[str, Any], checks: Gatherer) -> str | None:
    """The text that traders read, of the four inputs; ``None`` after keeping ``<input>_invalid`` of those at fault."""
    found = {name: checks.take(name, lambda name=name: _part(data, name)) for name in PARTS}  # type: ignore[misc]
    if None in found.values():
        return None
    return "\n".join(
        f"{PARTS[name][0]}: {text}" if PARTS[name][0] else str(text) for name, text in found.items()
    )


def split_rules(text: str) -> dict[str, str]:
    """The four inputs of a text that ``read_rules`` made; of any other text all of it is what decides."""
    lines = text.split("\n")
    found: dict[str, str] = {}
    for name in reversed([name for name in PARTS if PARTS[name][0]]):
        head = f"{PARTS[name][0]}: "
        if not lines or not lines[-1].startswith(head):
            return {"rules": text}
        found[name] = lines.pop().removeprefix(head)
    return {"rules": "\n".join(lines), **found}


def _part(data: Mapping[str, Any], name: str) -> str:
    head, what, least, most = PARTS[name]
    text = text_of(data, name)
    text = " ".join(text.split()) if head else "\n".join(line.rstrip() for line in text.splitlines())
    if not least <= len(text) <= most:
        raise DomainError(f"{name}_invalid", f"Say {what}, in {least} to {most} characters.", field=name)
    return text
