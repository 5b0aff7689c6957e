"""The matching kernel of one risk group. The typed face is in ``__init__.pyi``; the work is done by the native module."""

from typing import NamedTuple

from exchange_kernel import _exchange_kernel as _native
from exchange_kernel._exchange_kernel import *  # noqa: F403
from exchange_kernel._exchange_kernel import unpack_acks as _unpack_acks

__version__ = _native.__version__
ACK_FORMAT = "<QqqHBBI"


class Ack(NamedTuple):
    """Answer to one command: ``code`` 0 or a reject, ``state`` and ``reason`` of the order, ``extra`` the count of a mass cancel."""

    order_id: int
    filled_lots: int
    remaining_lots: int
    code: int
    state: int
    reason: int
    extra: int


def decode_acks(acks: bytes) -> list[Ack]:
    """Acks in command order. ValueError if the bytes are not whole records."""
    return [Ack._make(row) for row in _unpack_acks(acks)]
