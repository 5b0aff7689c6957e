"""Blocking database work for asynchronous callers, on a few threads that keep their connections.

Django gives every ASGI request a thread, hence a connection, of its own. The trading doors answer mostly
from memory and reach for the database briefly, so they share these threads and their warm connections
instead.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="trading-db")


def _guarded(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


async def in_database_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking ``function`` on a database thread and await its result or its error."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _guarded, partial(function, *args, **kwargs))
