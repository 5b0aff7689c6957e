"""Sockets end with the session that opened them."""

import asyncio
import logging

from django.db import Error

from exchange_os.ui.access import session_lives
from trading.threads import in_database_thread

log = logging.getLogger(__name__)


async def session_end(session_key: str, user_id: int, every_seconds: float) -> None:
    """Return once the session no longer signs the user in, which is looked up every ``every_seconds``.

    A database that does not answer ends no session: nothing of the account can be read then either.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            if not await in_database_thread(session_lives, session_key, user_id):
                return
        except Error:
            log.warning("a session could not be looked up", exc_info=True)
