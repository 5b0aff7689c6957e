"""Asking a risk group, and what its refusals become."""

from collections.abc import Sequence
from typing import Any

from exchange_os.engine import client
from exchange_os.errors import DomainError

READ_TIMEOUT_SECONDS = 5.0


class KernelRefused(DomainError):
    """The kernel refused a command of a set-up for good; ``details["reject"]`` is its code by name."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__("kernel_refused", f"The exchange refused it: {sentence}", reject=name)


def ask(group_id: int, request: dict[str, Any], timeout: float = READ_TIMEOUT_SECONDS) -> dict[str, Any]:
    """A query to a risk group.

    Raises the engine's ``DomainError`` if it cannot be answered, ``KernelRefused`` if the kernel refuses it.
    """
    answer = client.query(group_id, request, timeout)
    refused = _refusal(answer)
    if refused is not None:
        raise refused
    return answer


def ask_many(
    questions: Sequence[tuple[int, dict[str, Any]]], timeout: float
) -> list[dict[str, Any] | DomainError]:
    """Queries to several risk groups at once; in the place of an answer that did not come within ``timeout`` seconds,
    or was a refusal, what ``ask`` would raise."""
    answers = client.query_many(questions, timeout)
    return [each if isinstance(each, DomainError) else _refusal(each) or each for each in answers]


def _refusal(answer: dict[str, Any]) -> KernelRefused | None:
    if "error" not in answer:
        return None
    return KernelRefused(str(answer["error"]), str(answer.get("message", "")))
