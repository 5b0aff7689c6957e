"""Errors of the dialect: every code we answer with, its HTTP status, and where refusals of the kernel land
in it.

A business refusal travels with HTTP 200 and a code; who-are-you refusals with 401; too fast with 429. The
sentence is for people, the code is the contract.
"""

from collections.abc import Mapping

HTTP_STATUS: Mapping[str, int] = {
    "404": 404,
    "50000": 400,
    "50001": 503,
    "50002": 400,
    "50004": 504,
    "50011": 429,
    "50013": 503,
    "50014": 400,
    "50026": 500,
    "50102": 401,
    "50103": 401,
    "50104": 401,
    "50105": 401,
    "50106": 401,
    "50107": 401,
    "50110": 401,
    "50111": 401,
    "50112": 401,
    "50113": 401,
    "50114": 401,
    "50115": 405,
}


class DialectError(Exception):
    """A refusal already in the dialect: ``code`` and the sentence, and seconds to wait where that helps."""

    def __init__(
        self, code: str, message: str, *, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.status = status if status is not None else HTTP_STATUS.get(code, 200)


def parameter_error(name: str, why: str = "") -> DialectError:
    """51000: parameter ``name`` is wrong; ``why`` completes the sentence."""
    return DialectError("51000", f"Parameter {name} error{': ' + why if why else ''}.")


def missing(name: str) -> DialectError:
    """50014: parameter ``name`` is needed and empty."""
    return DialectError("50014", f"Parameter {name} cannot be empty.")


def unknown_instrument() -> DialectError:
    """51001: no such instrument at this venue."""
    return DialectError(
        "51001", "Instrument ID, Instrument ID code, or spread ID doesn't exist at this venue."
    )
