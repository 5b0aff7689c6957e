"""The tests that ``docs/attacks.md`` names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"`([\w./]+\.(?:py|rs))::(\w+)`")


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall((ROOT / "docs" / "attacks.md").read_text())
    assert named
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or not re.search(rf"\b(def|fn) {name}\(", (ROOT / path).read_text())
    ]
    assert missing == []
