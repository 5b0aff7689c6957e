"""Checking what a source is configured with."""

import re
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.oracles.egress import check_url
from exchange_os.oracles.readings import SourceError


def text(config: dict[str, Any], name: str, pattern: str, *, default: str | None = None) -> str:
    """The text ``name``, which matches ``pattern`` as a whole. Raises ``DomainError`` ``source_config_invalid``."""
    value = config.get(name, default)
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise DomainError("source_config_invalid", f"The source needs a valid {name}.", field=name)
    return value


def number(config: dict[str, Any], name: str, low: int, high: int, *, default: int | None = None) -> int:
    """The whole number ``name`` within ``low`` and ``high``. Raises ``DomainError`` ``source_config_invalid``."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        message = f"The source needs a {name} between {low} and {high}."
        raise DomainError("source_config_invalid", message, field=name)
    return value


def address(config: dict[str, Any], name: str = "url", *, default: str | None = None) -> str:
    """The web address ``name``, one that may be asked. Raises ``DomainError`` ``source_config_invalid``."""
    value = text(config, name, r"\S{8,500}", default=default)
    try:
        return check_url(value)
    except SourceError as error:
        raise DomainError(
            "source_config_invalid", f"This address may not be asked: {error.message}.", field=name
        ) from error
