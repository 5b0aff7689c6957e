"""Refusals of the engine, as the rest of the platform sees them.

``Busy``, ``GroupHalted``, ``MalformedCommand`` and ``Quarantined`` are certain: the command had no effect.
``OutcomeUnknown`` is the opposite: the command may have been applied, or may still be; the caller finds out by its
client order id. ``Fenced`` never leaves the engine: it tells a writer that it is no longer the owner.
"""

from exchange_os.errors import DomainError


class Busy(DomainError):
    """The group has more work than it may queue, or a store is away: nothing was accepted, try again later."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(
            "busy",
            f"This venue is busy. Please try again in {retry_after_ms} ms.",
            retry_after_ms=retry_after_ms,
        )
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(DomainError):
    """No answer came in time. The command may or may not take effect."""

    def __init__(self) -> None:
        super().__init__(
            "outcome_unknown",
            "No answer came in time. Look the order up by its client order id before sending it again.",
        )


class GroupHalted(DomainError):
    """The risk group is stopped after a broken invariant; an operator must look at it."""

    def __init__(self, group: int) -> None:
        super().__init__(
            "group_halted", "This venue is halted. Funds are safe; trading resumes after review."
        )
        self.group = group


class MalformedCommand(DomainError):
    """The bytes are not well-formed command frames."""

    def __init__(self, reason: str = "The command is malformed.") -> None:
        super().__init__("malformed_command", reason)


class Quarantined(DomainError):
    """The command made the engine fail repeatedly; it was set aside without effect and recorded."""

    def __init__(self) -> None:
        super().__init__(
            "quarantined", "This command could not be processed and was set aside without effect."
        )


class Fenced(Exception):
    """The database refused a write: another owner has the group, or the batch does not follow the journal's head."""


class JournalBroken(Exception):
    """The journal, a snapshot or the replay contradict one another; the group must be halted."""
