"""Rate limits: token buckets in Redis, shared by every web process.

A bucket is one number, the time at which it would be full again (the generic cell rate algorithm), so a
check is one round trip and an idle bucket costs nothing. If Redis does not answer, reads stay open: order
entry cannot work without Redis anyway, and market data should. Sign-ins are refused then: nobody counts guesses.
"""

import asyncio
import time
import weakref
from dataclasses import dataclass, replace

from django.conf import settings
from redis import asyncio as redis
from redis.exceptions import RedisError

_SCRIPT = """
local now_parts = redis.call('TIME')
local now = now_parts[1] * 1000000 + now_parts[2]
local window, capacity, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local interval = window / capacity
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next_full_at = full_at + cost * interval
local allow_at = next_full_at - window
if allow_at > now then
  return {0, math.floor((now + window - full_at) / interval), math.ceil((allow_at - now) / 1000)}
end
local lifetime = math.ceil((next_full_at - now) / 1000) + 1
redis.call('SET', KEYS[1], string.format('%.0f', next_full_at), 'PX', lifetime)
return {1, math.floor((now + window - next_full_at) / interval), 0}
"""


@dataclass(frozen=True)
class Limit:
    """``capacity`` requests in any ``window_seconds``, under a name that keeps buckets apart."""

    name: str
    capacity: int
    window_seconds: int = 2
    closed_without_redis: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a bucket said: whether to go on, what is left, and how long to wait if not."""

    allowed: bool
    capacity: int
    remaining: int
    retry_after_ms: int


PUBLIC = Limit("public", 20)
PUBLIC_BOOKS = Limit("books", 40)
READ = Limit("read", 60)
SLOW_READ = Limit("slow-read", 20)
ORDER = Limit("order", 60)
BATCH_ORDERS = Limit("batch-orders", 300)
AMEND = Limit("amend", 60)
BATCH_AMEND = Limit("batch-amend", 300)
CANCEL = Limit("cancel", 60)
BATCH_CANCEL = Limit("batch-cancel", 300)
ALGO = Limit("algo", 20)
MASS_CANCEL = Limit("mass-cancel", 5)
BULK = Limit("bulk", 2_000_000)
JOINT = Limit("joint", 200)
TRANSFER = Limit("transfer", 4)
SOCKET = Limit("socket", 30, 10)
LOGIN = Limit("login", 20, closed_without_redis=True)

_clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[redis.Redis, object]]" = (
    weakref.WeakKeyDictionary()
)


def _client() -> tuple[redis.Redis, object]:
    loop = asyncio.get_running_loop()
    held = _clients.get(loop)
    if held is None:
        client = redis.Redis.from_url(
            settings.REDIS_STREAM_URL, socket_timeout=1.0, socket_connect_timeout=1.0
        )
        held = _clients[loop] = (client, client.register_script(_SCRIPT))
    return held


def store() -> redis.Redis:
    """The connection to Redis of the running loop, with a second for each answer."""
    return _client()[0]


async def spend(limit: Limit, holder: str, cost: int = 1) -> Verdict:
    """Take ``cost`` tokens from the bucket of ``holder``; nothing is taken when the verdict is no."""
    capacity = limit.capacity * settings.API_RATE_FACTOR
    if cost <= 0:
        return Verdict(True, capacity, capacity, 0)
    _, script = _client()
    try:
        allowed, remaining, retry_after_ms = await script(  # type: ignore[operator]
            keys=[f"xos:limit:{limit.name}:{holder}"], args=[limit.window_seconds * 1_000_000, capacity, cost]
        )
    except RedisError:
        if limit.closed_without_redis:
            return Verdict(False, capacity, 0, limit.window_seconds * 1000)
        return Verdict(True, capacity, capacity, 0)
    return Verdict(bool(allowed), capacity, max(0, remaining), retry_after_ms)


LEASE_SECONDS = 0.5
LEASE_SHARE = 10  # a lease is a tenth of the bucket
MAX_LEASES = 50_000
_leases: dict[tuple[str, str], tuple[float, int, int]] = {}  # until, left of it, left in the bucket


async def spend_leased(limit: Limit, holder: str, cost: int = 1) -> Verdict:
    """As ``spend``, for the path of orders: this process takes a tenth of the bucket at a time and gives it out for
    half a second without asking Redis again. What is left of a lease then is lost to its holder, so a limit is never
    exceeded and a trader well below it never feels the difference.
    """
    now = time.monotonic()
    key = (limit.name, holder)
    until, left, behind = _leases.get(key, (0.0, 0, 0))
    if now < until and cost <= left:
        _leases[key] = (until, left - cost, behind)
        return Verdict(True, limit.capacity * settings.API_RATE_FACTOR, behind + left - cost, 0)
    share = limit.capacity * settings.API_RATE_FACTOR // LEASE_SHARE
    if cost < share:
        verdict = await spend(limit, holder, share)
        if verdict.allowed:
            if len(_leases) >= MAX_LEASES:
                _leases.clear()
            _leases[key] = (now + LEASE_SECONDS, share - cost, verdict.remaining)
            return replace(verdict, remaining=verdict.remaining + share - cost)
    return await spend(limit, holder, cost)
