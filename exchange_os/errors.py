"""The one error tree of the platform.

A ``DomainError`` is something a person or a program asked for that a rule refuses. Its ``code`` is the contract,
its ``message`` is the sentence for people: it names the rule and the remedy. Doors translate it once. A broken
invariant is an assertion, never a ``DomainError``.
"""

from typing import Any


class DomainError(Exception):
    """A request that a rule refuses.

    ``code`` is stable and in snake case; ``field`` names the input at fault, if one is; ``details`` carries the
    numbers of the rule for programs.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.details = details
