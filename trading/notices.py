"""The live side of notifications: pages of a user are told that there is something new, after the commit.

The message says nothing else. A socket that hears it reads what is new from the database, so one that is lost costs
seconds, not a notification.
"""

import logging
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

MESSAGE = "notified"  # the method of a consumer that hears it


def notification_group(user_id: int) -> str:
    """The group of the channel layer in which all pages of a user listen."""
    return f"notifications.{user_id}"


def announce_notifications(user_ids: Iterable[int]) -> None:
    """Once this transaction is committed, tell the pages of these users that they have new notifications."""
    wanted = sorted(set(user_ids))
    if wanted:
        transaction.on_commit(lambda: _send(wanted))


def _send(user_ids: list[int]) -> None:
    try:
        async_to_sync(_send_all)(user_ids)
    except (RedisError, OSError):
        log.warning("pages could not be told of new notifications; they ask by themselves", exc_info=True)


async def _send_all(user_ids: list[int]) -> None:
    layer = get_channel_layer()
    for user_id in user_ids:
        await layer.group_send(notification_group(user_id), {"type": MESSAGE})
