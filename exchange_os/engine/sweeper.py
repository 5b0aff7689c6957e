"""The one-second sweep: whatever should move and does not is given a push. Running it twice or late is harmless.

It looks at groups whose streams have work (a Redis set that appends feed), at groups whose timers are due (one indexed
query) and at transfers that wait for their answer (the outbox). Quiet groups cost it nothing.
"""

import logging
import time
from datetime import timedelta

from exchange_kernel import deposit, tick, withdraw
from redis import Redis

from exchange_os.engine import client, wire
from exchange_os.engine.connections import make_redis
from exchange_os.engine.models import RiskGroup
from exchange_os.engine.services import send_wake
from exchange_os.ledger.models import Direction, Transfer
from exchange_os.ledger.services import pending_transfers

log = logging.getLogger(__name__)

OUTBOX_AGE = timedelta(seconds=2)
TIMERS_A_SWEEP = 1_000
BEAT_TTL_SECONDS = 10

# ARGV: group. Answers whom to wake: "" nobody, "*" any worker, else the owner. A stream makes progress if its total
# finished has moved since the last sweep, which the hash remembers in ``s``.
SWEEP = """
local group = ARGV[1]
local meta = 'xos:group:' .. group
if redis.call('XLEN', 'xos:stream:' .. group) == 0 then
  redis.call('SREM', 'xos:dirty', group)
  redis.call('HDEL', meta, 's')
  return ''
end
local m = redis.call('HMGET', meta, 'out', 's', 'o', 'a')
local finished = m[1] or '0'
redis.call('HSET', meta, 's', finished)
local alive = m[3] and redis.call('EXISTS', 'xos:worker:' .. m[3]) == 1
if alive and m[4] and m[2] ~= finished then return '' end
local target = alive and m[3] or ''
redis.call('SADD', 'xos:wakes:' .. target, group)
redis.call('XADD', 'xos:bell:' .. target, 'MAXLEN', '4', '*', 'w', group)
redis.call('EXPIRE', 'xos:wakes:' .. target, 60)
redis.call('EXPIRE', 'xos:bell:' .. target, 60)
return alive and m[3] or '*'
"""


def sweep_streams() -> int:
    """Wake the groups whose streams have work that does not get done; answers how many."""
    with make_redis() as redis:
        redis.set(wire.BEAT_KEY, str(time.time_ns() // 1_000_000), ex=BEAT_TTL_SECONDS)
        return _wake_stuck(redis)


def succeed(incarnation: str) -> int:
    """First act of a worker's process: bury the process that had its name before, and wake what that one left.

    A process that was killed is believed to listen until its sign of life expires; what is appended meanwhile wakes
    nobody. If the other lives after all it says so at its next beat, and a wake too many does no harm. Answers how many
    groups were woken. Raises ``RedisError``.
    """
    with make_redis() as redis:
        before = redis.set(wire.name_key(incarnation), incarnation, get=True)
        if before is None or before.decode() == incarnation:
            return 0
        redis.delete(wire.worker_key(before.decode()))
        return _wake_stuck(redis)


def _wake_stuck(redis: Redis) -> int:
    woken = 0
    for group in redis.smembers(wire.DIRTY_KEY):
        target = redis.eval(SWEEP, 0, group)
        if target:
            send_wake(int(group), target.decode())
            woken += 1
    return woken


def sweep_timers(now_ms: int | None = None) -> int:
    """Send a tick to the groups whose earliest timer is due; answers how many."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    due = RiskGroup.objects.filter(next_timer_ms__lte=now_ms).exclude(status=RiskGroup.Status.HALTED)
    groups = list(due.values_list("pk", flat=True)[:TIMERS_A_SWEEP])
    return sum(client.send(group, tick(), 1, urgent=True) for group in groups)


def sweep_outbox() -> int:
    """Send again the commands of transfers that have had no answer; answers how many. A kernel accepts each id once."""
    transfers = pending_transfers(older_than=OUTBOX_AGE)
    return sum(
        client.send(transfer.group_id, transfer_command(transfer), 1, urgent=True) for transfer in transfers
    )


def transfer_command(transfer: Transfer) -> bytes:
    """The command frame that asks a kernel to carry a transfer out."""
    make = deposit if transfer.direction == Direction.DEPOSIT else withdraw
    return make(
        transfer.account,
        transfer.asset_id,
        transfer.amount,
        transfer_id=transfer.pk,
        issued_ms=transfer.issued_ms,
    )
