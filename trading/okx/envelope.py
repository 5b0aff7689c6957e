"""The envelope every answer travels in, and the translation of every error into it."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from redis.exceptions import RedisError

from exchange_os.engine.errors import Busy, GroupHalted, MalformedCommand, OutcomeUnknown
from exchange_os.errors import DomainError
from trading.okx.errors import DialectError
from trading.okx.refusals import domain_code

log = logging.getLogger(__name__)


def now_us() -> str:
    """Microseconds since the epoch, as order answers carry them."""
    return str(time.time_ns() // 1000)


def envelope(data: Sequence[Any], code: str = "0", message: str = "") -> dict[str, Any]:
    """``data`` in the shape of every answer; it is always a list."""
    return {"code": code, "msg": message, "data": data}


def answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    """An HTTP answer with ``body`` as JSON."""
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def batch_code(rows: Sequence[dict[str, Any]]) -> str:
    """``0`` if every row succeeded, ``1`` if none did, ``2`` if some did."""
    failed = sum(row["sCode"] != "0" for row in rows)
    return "0" if failed == 0 else "1" if failed == len(rows) else "2"


def order_answer(rows: Sequence[dict[str, Any]], received_us: str) -> dict[str, Any]:
    """The envelope of an order operation: outcome per row, and when it came and went in microseconds."""
    code = batch_code(rows)
    message = (
        ""
        if code == "0"
        else "All operations failed"
        if code == "1"
        else "Bulk operation partially succeeded"
    )
    return {**envelope(rows, code, message), "inTime": received_us, "outTime": now_us()}


def translate(error: BaseException) -> DialectError:
    """Any error as the dialect says it. An error nobody foresaw is logged and answered as 50026."""
    if isinstance(error, DialectError):
        return error
    if isinstance(error, Busy):
        wait = error.details.get("retry_after_ms", 100) / 1000
        return DialectError("50013", "Systems are busy. Please try again shortly.", retry_after=wait)
    if isinstance(error, OutcomeUnknown):
        return DialectError(
            "50004", "The request timed out and its outcome is unknown: look the order up by its clOrdId."
        )
    if isinstance(error, GroupHalted):
        return DialectError(
            "50001", "This venue is halted while its state is being checked. Please try again later."
        )
    if isinstance(error, MalformedCommand):
        return DialectError("51000", "The request holds a value the exchange cannot represent.")
    if isinstance(error, DomainError):
        return DialectError(domain_code(error), error.message)
    if isinstance(error, OperationalError | InterfaceError | RedisError):
        log.warning("trading api: a store is away: %s", error)
        return DialectError(
            "50001", "The service is temporarily unavailable. Please try again.", retry_after=1.0
        )
    if isinstance(error, Http404):
        return DialectError("404", "There is nothing at this address.")
    log.error("trading api: unforeseen error", exc_info=error)
    return DialectError("50026", "System error. The incident was recorded; please try again.")


def refusal(error: BaseException) -> HttpResponse:
    """The HTTP answer for ``error``."""
    known = translate(error)
    response = answer(envelope([], known.code, known.message), known.status)
    if known.retry_after is not None:
        response["Retry-After"] = str(max(1, round(known.retry_after)))
    return response
