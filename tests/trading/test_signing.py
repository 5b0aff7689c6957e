"""Signatures over what arrived: path from /api on, the raw query, the raw body."""

import pytest

from trading.okx.errors import DialectError
from trading.okx.signing import check_window, request_time_ms, sign, verify_login, verify_request

SECRET = b"secret"
STAMP = "2026-11-20T22:08:18.419Z"
PATH = "/api/v5/trade/order"


def refused(code: str, *arguments: object) -> None:
    """The request is refused with this code."""
    with pytest.raises(DialectError) as caught:
        verify_request(*arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.status == 401


def test_a_body_is_signed_as_it_was_sent() -> None:
    body = b'{"instId": "BTC-USD",  "sz":"1"}'
    good = sign(SECRET, f"{STAMP}POST{PATH}".encode() + body)

    verify_request(SECRET, good, STAMP, "POST", PATH, b"", body)
    refused("50113", SECRET, good, STAMP, "POST", PATH, b"", body.replace(b"  ", b" "))
    refused("50113", b"other", good, STAMP, "POST", PATH, b"", body)
    refused("50113", SECRET, "", STAMP, "POST", PATH, b"", body)
    refused("50113", SECRET, "ümlaut", STAMP, "POST", PATH, b"", body)


def test_a_query_may_be_signed_raw_or_before_it_was_escaped() -> None:
    raw, plain = b"ccy=BTC%2CETH&instType=SPOT", b"ccy=BTC,ETH&instType=SPOT"
    for signed in (raw, plain):
        good = sign(SECRET, f"{STAMP}GET{PATH}?".encode() + signed)
        verify_request(SECRET, good, STAMP, "GET", PATH, raw, b"")
    other = sign(SECRET, f"{STAMP}GET{PATH}?".encode() + b"ccy=BTC")
    refused("50113", SECRET, other, STAMP, "GET", PATH, raw, b"")


def test_the_method_and_path_are_signed() -> None:
    good = sign(SECRET, f"{STAMP}GET{PATH}".encode())
    verify_request(SECRET, good, STAMP, "get", PATH, b"", b"")
    refused("50113", SECRET, good, STAMP, "POST", PATH, b"", b"")
    refused("50113", SECRET, good, STAMP, "GET", "/v/acme" + PATH, b"", b"")


def test_requests_are_good_for_half_a_minute_either_way() -> None:
    moment = request_time_ms(STAMP)
    assert moment == 1795212498419
    check_window(moment, moment + 30_000)
    check_window(moment, moment - 30_000)
    for now in (moment + 30_001, moment - 30_001):
        with pytest.raises(DialectError) as caught:
            check_window(moment, now)
        assert caught.value.code == "50102"


@pytest.mark.parametrize(
    "text", ["", "1795212498419", "2026-11-20", "2026-11-20T22:08:18", "NaN", "2026-13-20T22:08:18.419Z"]
)
def test_a_timestamp_is_iso_8601_with_milliseconds(text: str) -> None:
    with pytest.raises(DialectError) as caught:
        request_time_ms(text)
    assert caught.value.code == "50112"


def test_logins_sign_a_fixed_path() -> None:
    good = sign(SECRET, b"1795212498GET/users/self/verify")
    assert verify_login(SECRET, good, "1795212498")
    assert not verify_login(SECRET, good, "1795212499")
