"""A Chainlink aggregator through the JSON-RPC of any node: ``eth_call`` of ``latestRoundData()``.

It returns five words: round, answer (signed), started, updated (seconds), answered in round. The price is
``answer / 10**decimals``. A round without an answer, or answered in an earlier one, is no price.
"""

from decimal import Decimal, localcontext
from typing import Any

import httpx

from exchange_os.oracles.adapters import settings
from exchange_os.oracles.egress import ask_json
from exchange_os.oracles.readings import WIDE, Reading, SourceError

#: The first four bytes of keccak-256 of ``latestRoundData()``.
LATEST_ROUND_DATA = "0xfeaf968c"
WORD = 32
WORDS = 5


def check(config: dict[str, Any]) -> None:
    """``url`` of the node, ``address`` of the aggregator, its ``decimals``."""
    settings.address(config)
    settings.text(config, "address", r"0x[0-9a-fA-F]{40}")
    settings.number(config, "decimals", 0, 18, default=8)


async def fetch(client: httpx.AsyncClient, config: dict[str, Any], timeout_ms: int, now_ms: int) -> Reading:
    """The answer of the latest round. Raises ``SourceError``."""
    call = {"to": config["address"], "data": LATEST_ROUND_DATA}
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    return parse(await ask_json(client, config["url"], timeout_ms, question), config.get("decimals", 8))


def parse(answer: Any, decimals: int) -> Reading:
    """The price in the answer of an ``eth_call``. Raises ``SourceError``: refused, malformed, unanswered."""
    if not isinstance(answer, dict) or answer.get("error"):
        raise SourceError("refused", "the node refuses the call")
    result = answer.get("result")
    try:
        data = bytes.fromhex(result.removeprefix("0x")) if isinstance(result, str) else b""
    except ValueError as error:
        raise SourceError("malformed", "the result is not hexadecimal") from error
    if len(data) != WORD * WORDS:
        raise SourceError("malformed", "the result does not have five words")
    words = [data[at : at + WORD] for at in range(0, len(data), WORD)]
    round_id, price = int.from_bytes(words[0]), int.from_bytes(words[1], signed=True)
    updated, answered_in = int.from_bytes(words[3]), int.from_bytes(words[4])
    if updated == 0 or answered_in < round_id:
        raise SourceError("unanswered", "the round has no answer yet")
    if updated >= 2**40:
        raise SourceError("malformed", "the time is out of range")
    with localcontext(WIDE):
        return Reading(Decimal(price).scaleb(-decimals), updated * 1_000)
