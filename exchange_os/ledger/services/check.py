"""``check_ledger``: the books, added up again from their entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from exchange_os.ledger.models import AccountKind, LedgerAccount

KernelTotals = Callable[[int], Mapping[int, int]]
"""``totals(group id) -> {asset id: units}``: what the kernel of a risk group holds over all of its accounts."""

LEDGER_KEY = "ledger:checked"
"""Where the cache keeps what the last check found: ``{"faults": how many, "at": seconds since 1970}``."""

READINGS = 20
"""Escrow and kernel are read one after the other; money may move in between, so a difference must last."""

UNBALANCED = """
    SELECT e.posting_id, a.asset_id, sum(e.amount) FROM ledger_entry e
    JOIN ledger_ledgeraccount a ON a.id = e.account_id
    GROUP BY e.posting_id, a.asset_id HAVING sum(e.amount) <> 0 ORDER BY 1, 2 LIMIT 100
"""
DRIFTED = """
    SELECT a.id, a.kind, a.owner_id, a.asset_id, a.balance, coalesce(e.total, 0) FROM ledger_ledgeraccount a
    LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_entry GROUP BY account_id) e
        ON e.account_id = a.id
    WHERE a.balance <> coalesce(e.total, 0) OR (a.balance < 0 AND a.kind <> 'external') ORDER BY a.id LIMIT 100
"""
IN_TRANSIT = """
    SELECT coalesce(t.user_id, a.owner_id), coalesce(t.asset_id, a.asset_id), coalesce(a.balance, 0),
           coalesce(t.total, 0)
    FROM (SELECT user_id, asset_id, sum(amount) AS total FROM ledger_transfer
          WHERE state = 'requested' AND direction = 'deposit' GROUP BY user_id, asset_id) t
    FULL JOIN (SELECT * FROM ledger_ledgeraccount WHERE kind = 'in_transit') a
        ON a.owner_id = t.user_id AND a.asset_id = t.asset_id
    WHERE coalesce(a.balance, 0) <> coalesce(t.total, 0) ORDER BY 1, 2 LIMIT 100
"""
STAKES = """
    WITH moved AS (
        SELECT a.owner_id, a.asset_id, sum(e.amount) AS held,
            coalesce(sum(e.amount) FILTER (WHERE p.kind = 'stake'), 0) AS deposited,
            -coalesce(sum(e.amount) FILTER (WHERE p.kind = 'release_stake'), 0) AS returned,
            -coalesce(sum(e.amount) FILTER (WHERE p.kind = 'slash'), 0) AS slashed,
            -coalesce(sum(e.amount) FILTER (WHERE p.kind IN ('bond', 'bond_returned')), 0) AS bonded,
            coalesce(sum(e.amount) FILTER (WHERE a.kind = 'unbonding'), 0) AS unbonding
        FROM ledger_entry e JOIN ledger_ledgeraccount a ON a.id = e.account_id
        JOIN ledger_posting p ON p.id = e.posting_id
        WHERE a.kind IN ('stake', 'unbonding') GROUP BY a.owner_id, a.asset_id
    ), releases AS (
        SELECT user_id, sum(amount - slashed) AS open FROM ledger_stakerelease
        WHERE state = 'unbonding' GROUP BY user_id
    ), slashes AS (SELECT user_id, sum(amount) AS taken FROM ledger_slash GROUP BY user_id)
    SELECT m.owner_id, m.asset_id, m.held, m.deposited, m.returned, m.slashed, m.bonded, m.unbonding,
           coalesce(r.open, 0), coalesce(s.taken, 0)
    FROM moved m LEFT JOIN releases r ON r.user_id = m.owner_id LEFT JOIN slashes s ON s.user_id = m.owner_id
    WHERE m.held + m.slashed + m.bonded + m.returned <> m.deposited OR m.bonded < 0
        OR m.unbonding <> coalesce(r.open, 0) OR m.slashed <> coalesce(s.taken, 0) ORDER BY 1, 2 LIMIT 100
"""


@dataclass
class LedgerReport:
    """What ``check_ledger`` saw; sound if ``faults`` is empty. Each fault is one sentence."""

    accounts: int = 0
    entries: int = 0
    groups: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def check_ledger(kernel_totals: KernelTotals | None = None) -> LedgerReport:
    """Add up the whole ledger and name every fault.

    Postings sum to zero per asset, balances are the sums of their entries, only ``external`` is negative, what is in
    transit is what deposits on their way carry, and of every deployer's stake staked + unbonding + slashed + bonded +
    returned = deposited, as their releases and slashes say. With ``kernel_totals`` also: the escrow of every risk group
    is what its kernel holds, per asset.
    """
    report = LedgerReport()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM ledger_ledgeraccount), (SELECT count(*) FROM ledger_entry)"
        )
        report.accounts, report.entries = cursor.fetchone()
        cursor.execute(UNBALANCED)
        report.faults += [
            f"Posting {p} of asset {a} sums to {total}, not zero." for p, a, total in cursor.fetchall()
        ]
        cursor.execute(DRIFTED)
        report.faults += [
            f"Account {pk} ({kind} of {owner}, asset {asset}) holds {held}; its entries sum to {total}."
            for pk, kind, owner, asset, held, total in cursor.fetchall()
        ]
        cursor.execute(IN_TRANSIT)
        report.faults += [
            f"User {user} has {held} of asset {asset} in transit; deposits on their way carry {total}."
            for user, asset, held, total in cursor.fetchall()
        ]
        cursor.execute(STAKES)
        report.faults += [
            f"User {user} staked {deposited} of asset {asset}: {held} held, {returned} returned, {slashed} slashed "
            f"(slashes say {taken}), {bonded} in or lost to disputes, {unbonding} of it unbonding "
            f"(releases say {waiting})."
            for user, asset, held, deposited, returned, slashed, bonded, unbonding, waiting, taken in cursor.fetchall()
        ]
    if kernel_totals is not None:
        groups = LedgerAccount.objects.filter(kind=AccountKind.ESCROW).values_list("owner_id", flat=True)
        for group_id in sorted(set(groups)):
            report.groups += 1
            report.faults += _check_escrow(group_id, kernel_totals)
    return report


def _check_escrow(group_id: int, kernel_totals: KernelTotals) -> list[str]:
    faults: list[str] = []
    for _ in range(READINGS):
        escrow = escrow_totals(group_id)
        kernel = {asset: units for asset, units in kernel_totals(group_id).items() if units}
        faults = [
            f"Risk group {group_id}: escrow of asset {asset} is {escrow.get(asset, 0)}, its kernel holds "
            f"{kernel.get(asset, 0)}."
            for asset in sorted(escrow.keys() | kernel.keys())
            if escrow.get(asset, 0) != kernel.get(asset, 0)
        ]
        if not faults:
            break
    return faults


def escrow_totals(group_id: int) -> dict[int, int]:
    """``{asset id: units}`` in the escrow of a risk group, empty ones left out."""
    rows = LedgerAccount.objects.filter(kind=AccountKind.ESCROW, owner_id=group_id).exclude(balance=0)
    return dict(rows.values_list("asset_id", "balance"))
