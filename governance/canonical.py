"""Canonical bytes: one content has one text, so that a digest names the content."""

import json
from hashlib import sha256
from typing import Any


def canonical(content: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces. Only texts, whole numbers, truth values, lists and objects."""
    _refuse_floats(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: bytes) -> str:
    """The SHA-256 of the bytes, in hex."""
    return sha256(content).hexdigest()


def _refuse_floats(content: Any) -> None:
    if isinstance(content, dict):
        for key, value in content.items():
            assert isinstance(key, str), "keys of canonical content are texts"
            _refuse_floats(value)
    elif isinstance(content, list | tuple):
        for value in content:
            _refuse_floats(value)
    else:
        assert content is None or isinstance(content, str | int), "canonical content has no floats"
