"""Places where a fault can be injected, for the chaos runs. Off (and free) unless ``XOS_FAILPOINTS`` is set.

``XOS_FAILPOINTS="redis"`` lets the Redis hash ``xos:failpoints`` arm them while the process runs; any other value
arms them at the start: ``name=action[@n][,name=action...]``. The action happens at the ``n``-th hit (default the
first), once. Actions: ``kill`` (SIGKILL), ``stop`` (SIGSTOP), ``raise`` (an error of the engine), ``disconnect``
(as if the database connection was cut there), ``spin`` (an endless loop), ``sleep:<milliseconds>``.
"""

import os
import signal
import time
from typing import NoReturn

from psycopg import OperationalError
from redis import Redis

KEY = "xos:failpoints"

#: Every place, in the order in which a batch passes them.
NAMES = (
    "before_apply",
    "after_apply",
    "before_commit",
    "inside_commit",
    "at_commit",
    "after_commit_before_ack",
    "after_ack",
    "before_snapshot",
)


class Injected(RuntimeError):
    """The error of the action ``raise``."""


_armed: dict[str, tuple[str, int]] = {}
enabled = bool(os.environ.get("XOS_FAILPOINTS"))


def arm(name: str, action: str, hits: int = 1) -> None:
    """Let ``action`` happen at the ``hits``-th time ``name`` is passed from now on."""
    if name not in NAMES:
        raise ValueError(f"unknown fail-point {name}")
    _armed[name] = (action, hits)


def disarm() -> None:
    """Forget every armed fail-point."""
    _armed.clear()


def arm_from_text(text: str) -> None:
    """Arm from ``name=action@n,...``."""
    for part in filter(None, text.split(",")):
        name, _, rest = part.partition("=")
        action, _, hits = rest.partition("@")
        arm(name.strip(), action.strip(), int(hits or 1))


def arm_from_redis(redis: Redis) -> None:
    """Take what the chaos driver left in Redis; whoever takes a fail-point has it alone."""
    for name, action in redis.hgetall(KEY).items():
        if redis.hdel(KEY, name):
            arm_from_text(f"{_text(name)}={_text(action)}")


def _text(value: bytes | str) -> str:
    """Text of a Redis reply, which is bytes with our clients."""
    return value.decode() if isinstance(value, bytes) else value


def hit(name: str) -> None:
    """Pass a place; does nothing unless armed."""
    if not _armed or name not in _armed:
        return
    action, hits = _armed[name]
    if hits > 1:
        _armed[name] = (action, hits - 1)
        return
    del _armed[name]
    _perform(action)


def _perform(action: str) -> None:
    verb, _, argument = action.partition(":")
    if verb in ("kill", "stop"):
        os.kill(os.getpid(), signal.SIGKILL if verb == "kill" else signal.SIGSTOP)
    elif verb == "sleep":
        time.sleep(int(argument) / 1000)
    elif verb == "disconnect":
        raise OperationalError("injected: connection lost")
    elif verb == "spin":
        _spin()
    else:
        raise Injected(action)


def _spin() -> NoReturn:
    while True:
        time.sleep(0.01)


if enabled and os.environ["XOS_FAILPOINTS"] != "redis":
    arm_from_text(os.environ["XOS_FAILPOINTS"])
