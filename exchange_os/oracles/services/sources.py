"""Adding, changing and removing price sources."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import read_decimal
from exchange_os.oracles.adapters import CHECKS
from exchange_os.oracles.models import PriceSource, Role, SourceKind

MAX_SOURCES = 16
POLL_MS = (1_000, 3_600_000)
TIMEOUT_MS = (100, 5_000)


def add_source(
    group_id: int,
    market: int,
    *,
    name: str,
    kind: str,
    tick_size: str,
    config: dict[str, Any],
    role: int = Role.INDEX,
    multiplier: str = "1",
    poll_ms: int = 3_000,
    timeout_ms: int = 2_000,
) -> PriceSource:
    """Let a market listen to one more source, at most 16. ``tick_size`` is what a tick of the market is worth in quote.

    Raises ``DomainError``: ``source_kind_unknown``, ``source_config_invalid``, ``source_limit``.
    """
    if kind not in SourceKind.values or role not in Role.values:
        raise DomainError("source_kind_unknown", "There is no source of this kind.", field="kind")
    _check_numbers(tick_size, multiplier, poll_ms, timeout_ms)
    CHECKS[kind](config)
    with transaction.atomic():
        there = PriceSource.objects.select_for_update().filter(group_id=group_id, market=market)
        numbers = [source.number for source in there]
        if len(numbers) >= MAX_SOURCES:
            raise DomainError("source_limit", f"A market listens to at most {MAX_SOURCES} sources.")
        return PriceSource.objects.create(
            group_id=group_id,
            market=market,
            number=max(numbers, default=0) + 1,
            name=name,
            kind=kind,
            role=role,
            config=config,
            tick_size=tick_size,
            multiplier=multiplier,
            poll_ms=poll_ms,
            timeout_ms=timeout_ms,
        )


def remove_sources(group_id: int, markets: list[int]) -> None:
    """Forget the sources of markets that never opened, with what they said."""
    PriceSource.objects.filter(group_id=group_id, market__in=markets).delete()


def enable_source(source_id: int, enabled: bool) -> None:
    """Let a source speak, or not. Raises ``DomainError`` ``source_unknown``."""
    if not PriceSource.objects.filter(pk=source_id).update(enabled=enabled, failures=0, next_poll_ms=0):
        raise DomainError("source_unknown", "There is no such source.")


def _check_numbers(tick_size: str, multiplier: str, poll_ms: int, timeout_ms: int) -> None:
    for name, text in (("tick_size", tick_size), ("multiplier", multiplier)):
        if (value := read_decimal(text)) is None or value <= Decimal(0):
            raise DomainError("source_config_invalid", f"The {name} is a number above zero.", field=name)
    for name, number, (low, high) in (("poll_ms", poll_ms, POLL_MS), ("timeout_ms", timeout_ms, TIMEOUT_MS)):
        if not low <= number <= high:
            message = f"The {name} lies between {low} and {high}."
            raise DomainError("source_config_invalid", message, field=name)
