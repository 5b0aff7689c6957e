"""How each kind of source is asked. A module has ``check(config)``, which raises ``DomainError`` for what cannot work,
and ``fetch`` (over the network, asynchronous) or ``read`` (from this platform or machine)."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from exchange_os.oracles.adapters import chainlink, http_json, internal, push, pyth, replay
from exchange_os.oracles.models import SourceKind
from exchange_os.oracles.readings import Reading

Config = dict[str, Any]

CHECKS: dict[str, Callable[[Config], None]] = {
    SourceKind.PYTH: pyth.check,
    SourceKind.CHAINLINK: chainlink.check,
    SourceKind.HTTP: http_json.check,
    SourceKind.INTERNAL: internal.check,
    SourceKind.PUSH: push.check,
    SourceKind.REPLAY: replay.check,
}
FETCHED: dict[str, Callable[[httpx.AsyncClient, Config, int, int], Awaitable[Reading]]] = {
    SourceKind.PYTH: pyth.fetch,
    SourceKind.CHAINLINK: chainlink.fetch,
    SourceKind.HTTP: http_json.fetch,
}
READ: dict[str, Callable[[Config, int, int], Reading]] = {
    SourceKind.INTERNAL: internal.read,
    SourceKind.REPLAY: replay.read,
}
