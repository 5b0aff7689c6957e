"""Signatures that were used: a signed request acts once, whoever sends it again.

A signature is remembered in Redis, for every web process, as long as its timestamp would still be taken. If Redis
does not answer the request is refused: nobody could tell a copy from the original.
"""

import time
from collections.abc import Sequence

from trading.limits import store

#: The clocks of the processes that ask may be this much apart.
CLOCKS_APART_MS = 5_000
#: So long after its first use a login may be used again, from the same address: programs sign once for the sockets
#: they open together, in whole seconds.
LOGINS_TOGETHER_MS = 5_000


async def use_once(signatures: Sequence[tuple[str, int]]) -> bool:
    """Use signatures, each with the ms of the epoch until which it is valid; False if one was used before."""
    now = time.time_ns() // 1_000_000
    if len(signatures) == 1:
        signature, until = signatures[0]
        return bool(await store().set(f"xos:signed:{signature}", 1, nx=True, px=_lifetime_ms(until, now)))
    async with store().pipeline(transaction=False) as batch:
        for signature, until in signatures:
            batch.set(f"xos:signed:{signature}", 1, nx=True, px=_lifetime_ms(until, now))
        return all(await batch.execute())


async def use_login(signature: str, until: int, address: str) -> bool:
    """Use the signature of a login, valid until ms of the epoch; False from another address than its first use, or
    later than sockets that are opened together."""
    now = time.time_ns() // 1_000_000
    first = await store().set(
        f"xos:login:{signature}", f"{now} {address}", nx=True, get=True, px=_lifetime_ms(until, now)
    )
    if not isinstance(first, bytes):
        return True
    used_at, _, used_from = first.decode().partition(" ")
    return used_from == address and now - int(used_at) <= LOGINS_TOGETHER_MS


def _lifetime_ms(until: int, now: int) -> int:
    return max(1, until - now + CLOCKS_APART_MS)
