"""The four Lua scripts that make each step on a stream atomic, and the client that runs them.

A group's hash (``xos:group:<id>``) holds: ``gen`` the stream's generation (a token born with the hash, so that a
stream rebuilt after a flush is told apart from an old one), ``in`` and ``out`` the running totals of commands appended
and finished (their difference is the depth; both are only ever set forward, so nothing drifts when a process
dies), ``o`` the worker that holds the group in memory, ``a`` present while that worker's loop reads the stream, ``k``
the time of the outstanding wake, and ``h`` present while the group is halted.

The scripts address keys by name, so all keys of the engine live in one Redis database (no Redis Cluster).
"""

from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

# ARGV: group, payload, count, depth bound, fresh generation, wake ttl ms
# Answer: {status, wake target}; status 1 appended, 0 busy, -1 halted; target "" none, "*" shared, else the worker.
APPEND = """
local group = ARGV[1]
local meta = 'xos:group:' .. group
local count = tonumber(ARGV[3])
local m = redis.call('HMGET', meta, 'gen', 'in', 'out', 'o', 'a', 'k', 'h')
if m[7] then return {-1, ''} end
if redis.call('EXISTS', 'xos:unavailable') == 1 then return {0, ''} end
local generation = m[1]
if not generation then
  generation = ARGV[5]
  redis.call('HSET', meta, 'gen', generation)
end
local appended, finished = tonumber(m[2] or '0'), tonumber(m[3] or '0')
if finished > appended then
  finished = appended
  redis.call('HSET', meta, 'out', string.format('%.0f', finished))
end
if appended - finished + count > tonumber(ARGV[4]) then return {0, ''} end
appended = string.format('%.0f', appended + count)
redis.call('XADD', 'xos:stream:' .. group, '*', 'e', ARGV[2], 'g', generation, 't', appended)
redis.call('HSET', meta, 'in', appended)
redis.call('SADD', 'xos:dirty', group)
local owner = m[4]
local alive = owner and redis.call('GET', 'xos:worker:' .. owner)
if alive == 'L' and m[5] then return {1, ''} end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local last = tonumber(m[6] or '0')
if now >= last and now - last < tonumber(ARGV[6]) then return {1, ''} end
redis.call('HSET', meta, 'k', string.format('%.0f', now))
local target = alive and owner or ''
redis.call('SADD', 'xos:wakes:' .. target, group)
redis.call('XADD', 'xos:bell:' .. target, 'MAXLEN', '4', '*', 'w', group)
redis.call('EXPIRE', 'xos:wakes:' .. target, 60)
redis.call('EXPIRE', 'xos:bell:' .. target, 60)
return {1, alive and owner or '*'}
"""

# ARGV: group, worker. Marks that the worker's loop reads the group's stream from now on. Answer: {gen, last id}.
LISTEN = """
local meta = 'xos:group:' .. ARGV[1]
redis.call('HSET', meta, 'o', ARGV[2], 'a', '1')
redis.call('HDEL', meta, 'k')
local last = redis.call('XREVRANGE', 'xos:stream:' .. ARGV[1], '+', '-', 'COUNT', 1)
return {redis.call('HGET', meta, 'gen'), last[1] and last[1][1] or false}
"""

# ARGV: group, generation, first id to keep, total finished. Trims what is committed and lowers the depth.
FINISH = """
local meta = 'xos:group:' .. ARGV[1]
if redis.call('HGET', meta, 'gen') ~= ARGV[2] then return 0 end
redis.call('HSET', meta, 'out', ARGV[4])
return redis.call('XTRIM', 'xos:stream:' .. ARGV[1], 'MINID', '=', ARGV[3])
"""

# ARGV: group, worker, forget (1: the worker no longer holds the group in memory).
# Stops listening if nothing is left to read. Answer: 1 stopped, 0 there is work.
RELEASE = """
local group = ARGV[1]
local meta = 'xos:group:' .. group
local pending = redis.call('XLEN', 'xos:stream:' .. group) > 0
if redis.call('HGET', meta, 'o') ~= ARGV[2] then return 1 end
if pending and ARGV[3] == '0' then return 0 end
redis.call('HDEL', meta, 'a')
if ARGV[3] == '1' then redis.call('HDEL', meta, 'o') end
if not pending then redis.call('SREM', 'xos:dirty', group) end
return 1
"""


class Script:
    """A Lua script which is loaded again when the server has forgotten it (a restart, ``SCRIPT FLUSH``)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = ""

    def __call__(self, redis: Redis, *arguments: Any) -> Any:
        """Run the script. Raises what the Redis client raises."""
        try:
            return redis.evalsha(self.sha or self._load(redis), 0, *arguments)
        except NoScriptError:
            return redis.evalsha(self._load(redis), 0, *arguments)

    def _load(self, redis: Redis) -> str:
        self.sha = str(redis.script_load(self.source))
        return self.sha


append = Script(APPEND)
listen = Script(LISTEN)
release = Script(RELEASE)
