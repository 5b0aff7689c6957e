"""Refusals of several inputs at once."""

from collections.abc import Callable
from typing import TypeVar

from exchange_os.errors import DomainError

T = TypeVar("T")


class Refusals(DomainError):
    """What a form got wrong, input by input: ``errors`` maps the field to its refusal."""

    def __init__(self, errors: dict[str, DomainError]) -> None:
        first = next(iter(errors.values()))
        super().__init__(first.code, first.message, field=next(iter(errors)))
        self.errors = errors


class Gatherer:
    """Runs checks one by one and keeps the first refusal of every field."""

    def __init__(self) -> None:
        self.errors: dict[str, DomainError] = {}

    def take(self, field: str, check: Callable[[], T]) -> T | None:
        """The check's answer, or ``None`` after keeping its refusal under its own field (or ``field``)."""
        try:
            return check()
        except DomainError as refused:
            self.errors.setdefault(refused.field or field, refused)
            return None

    def refuse(self, field: str, code: str, message: str) -> None:
        """Keep a refusal of ``field`` unless it has one."""
        self.errors.setdefault(field, DomainError(code, message, field=field))

    def finish(self) -> None:
        """Raise ``Refusals`` if any were kept."""
        if self.errors:
            raise Refusals(self.errors)
