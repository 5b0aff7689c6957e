"""What the kernel keeps of an account beside its money: fee tier and permissions, told one without losing the other."""

from collections.abc import Iterator
from contextlib import contextmanager

import exchange_kernel as kernel
from django.db import connection, transaction

from exchange_os.engine import client
from exchange_os.errors import DomainError
from venues.services.asking import KernelRefused, ask


@contextmanager
def account_lock(group_id: int, account: int) -> Iterator[None]:
    """Let nobody else who asks this way change what the kernel keeps of an account, until the block ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{group_id}/{account}"])
        yield


def tell_account(
    group_id: int,
    account: int,
    *,
    tier: int | None = None,
    flags: int | None = None,
    add_flags: int = 0,
) -> bool:
    """Give an account a fee tier, permissions (the kernel's flags), or both; whether anything had to change.

    What is not given stays: one command carries both, so two that tell at once wait for one another. Raises
    ``account_unknown`` before the kernel knows the account, the engine's ``DomainError``, ``KernelRefused``.
    """
    with account_lock(group_id, account):
        known = ask(group_id, {"q": "account", "account": account})
        if "owner" not in known:
            raise DomainError("account_unknown", "The venue does not know this account yet.")
        wanted = (
            known["tier"] if tier is None else tier,
            (known["flags"] if flags is None else flags) | add_flags,
        )
        if wanted == (known["tier"], known["flags"]):
            return False
        frame = kernel.set_account(account, owner=known["owner"], tier=wanted[0], flags=wanted[1])
        ack = client.submit(group_id, frame, urgent=True)
        if ack.code:
            raise KernelRefused(*kernel.REJECTS[ack.code])
    return True
