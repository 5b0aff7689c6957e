"""Asking a risk group, and what its refusals become."""

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
    if "error" in answer:
        raise KernelRefused(str(answer["error"]), str(answer.get("message", "")))
    return answer
