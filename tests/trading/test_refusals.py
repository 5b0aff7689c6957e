"""Every refusal has its code in the dialect, its status and a sentence."""

import exchange_kernel as kernel
import pytest
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from exchange_os.engine.errors import Busy, GroupHalted, MalformedCommand, OutcomeUnknown
from exchange_os.errors import DomainError
from trading.okx.envelope import batch_code, refusal, translate
from trading.okx.refusals import GONE_ORDER_CODES, ORDER_GONE, reject_of


@pytest.mark.parametrize("code", sorted(code for code in kernel.REJECTS if code))
@pytest.mark.parametrize("verb", ["place", "amend", "cancel", "query"])
def test_every_reject_of_the_kernel_is_told(code: int, verb: str) -> None:
    dialect, sentence = reject_of(code, verb)
    assert dialect.isdigit()
    assert dialect != "0"
    assert sentence


def test_an_order_that_is_gone_depends_on_what_was_asked() -> None:
    gone = [code for code, (name, _) in kernel.REJECTS.items() if name in ORDER_GONE]
    assert len(gone) == 2
    for code in gone:
        assert [reject_of(code, verb)[0] for verb in GONE_ORDER_CODES] == ["51400", "51503", "51603"]


@pytest.mark.parametrize(
    ("error", "code", "status", "retry"),
    [
        (Busy(250), "50013", 503, "1"),
        (OutcomeUnknown(), "50004", 504, None),
        (GroupHalted(1), "50001", 503, None),
        (MalformedCommand(), "51000", 200, None),
        (OperationalError("gone"), "50001", 503, "1"),
        (RedisConnectionError("gone"), "50001", 503, "1"),
        (DomainError("size_off_lot", "No."), "51121", 200, None),
        (DomainError("something_new", "No."), "51000", 200, None),
        (ZeroDivisionError(), "50026", 500, None),
    ],
)
def test_errors_become_answers(error: Exception, code: str, status: int, retry: str | None) -> None:
    response = refusal(error)
    assert (translate(error).code, response.status_code, response.get("Retry-After")) == (code, status, retry)
    assert b'"data":[]' in response.content
    assert b"ZeroDivision" not in response.content


def test_a_batch_is_all_some_or_none() -> None:
    good, bad = {"sCode": "0"}, {"sCode": "51000"}
    assert [batch_code(rows) for rows in ([good], [good, bad], [bad, bad])] == ["0", "2", "1"]
