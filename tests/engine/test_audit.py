"""The audit of a journal finds what does not hold, and its normal form is the same for the same input."""

import hashlib
import zlib

import exchange_kernel as kernel
import pytest
from django.db import connection

from exchange_os.engine import audit as audit_module
from exchange_os.engine import client
from exchange_os.engine.audit import Audit, audit_group
from exchange_os.engine.models import Fill, Snapshot
from exchange_os.engine.normal_form import NormalForm, normal_form
from exchange_os.engine.services import create_group
from tests.engine.cast import MAKER, TAKER, crossing_flow, open_market, order, send
from tests.engine.conftest import LocalWorker

ORDERS = 12


@pytest.fixture
def traded_group(market_group: int) -> int:
    """A group in which a dozen orders have met."""
    for command in crossing_flow(ORDERS):
        send(market_group, command)
    return market_group


def rewrite(statement: str, *arguments: object) -> None:
    """Change what may not be changed, as someone with the owner's password could."""
    with connection.cursor() as cursor:
        for table in ("engine_journalbatch", "engine_fillpage"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"GRANT ALL ON {table} TO CURRENT_USER")
        cursor.execute(statement, arguments)
        for table in ("engine_journalbatch", "engine_fillpage"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def keep_snapshot(audit: Audit, data: bytes) -> None:
    """Store a snapshot at the end of an audited journal."""
    packed = zlib.compress(data)
    Snapshot.objects.create(
        group_id=audit.group_id, sequence=audit.kernel.sequence, version=1, journal_hash=b"", size=len(data),
        sha256=hashlib.sha256(packed).digest(), data=packed,
    )  # fmt: skip


def test_an_honest_journal_has_no_problems(traded_group: int) -> None:
    audit = audit_group(traded_group)
    assert audit.problems == []
    assert audit.trades > 0
    assert Fill.objects.filter(group_id=traded_group).count() == 2 * audit.trades
    assert len(audit.acks) == audit.kernel.sequence
    assert audit.totals == {1: 2 * 10**12, 2: 2 * 10**12}
    live = client.query(traded_group, {"q": "account", "account": MAKER})
    assert live["balances"] == audit.query({"q": "account", "account": MAKER})["balances"]


def test_a_changed_command_breaks_the_chain(traded_group: int) -> None:
    rewrite(
        "UPDATE engine_journalbatch SET commands = set_byte(commands, octet_length(commands) - 1, 7)"
        " WHERE group_id = %s AND first_sequence = (SELECT min(first_sequence) FROM engine_journalbatch)",
        traded_group,
    )
    assert any("hash of its bytes" in problem for problem in audit_group(traded_group).problems)


def test_a_missing_batch_and_a_short_journal_are_named(traded_group: int) -> None:
    rewrite(
        "DELETE FROM engine_journalbatch WHERE group_id = %s AND first_sequence ="
        " (SELECT max(first_sequence) FROM engine_journalbatch)",
        traded_group,
    )
    assert any("the journal ends at" in problem for problem in audit_group(traded_group).problems)


def test_a_forged_and_a_missing_fill_are_named(traded_group: int) -> None:
    rewrite(
        "UPDATE engine_fillpage SET data = set_byte(data, 40, get_byte(data, 40) # 1)"
        " WHERE group_id = %s AND place = 2",
        traded_group,
    )
    problems = audit_group(traded_group).problems
    assert [problem.split(":")[0] for problem in problems] == [
        "a stored fill is not in the journal",
        "a fill of the journal is not stored",
    ]


def test_a_snapshot_of_another_state_is_named_and_a_torn_one_is_passed_over(traded_group: int) -> None:
    audit = audit_group(traded_group)
    keep_snapshot(audit, audit.kernel.snapshot())
    again = audit_group(traded_group)
    assert (again.problems, again.snapshots) == ([], 1)

    Snapshot.objects.all().delete()
    other = kernel.Kernel(traded_group)
    other.apply(kernel.tick(), 1)
    keep_snapshot(audit, other.snapshot())
    assert any("another state" in problem for problem in audit_group(traded_group).problems)

    Snapshot.objects.update(data=b"torn")
    torn = audit_group(traded_group)
    assert (torn.problems, torn.snapshots) == ([], 0)


def normal_of(group: int) -> NormalForm:
    """The normal form of a group's journal."""
    return normal_form(audit_group(group))


def play(transfers_from: int, owner: int, key: int, repeat: bool) -> int:
    """The same trading in a new group, under other numbers and at another time; with ``repeat`` some tries twice."""
    group = int(create_group().pk)
    now = client.query(group, {"q": "markets"})["now_ms"] + transfers_from
    setup = [
        kernel.add_asset(owner, scale=8, symbol=f"B{owner}"),
        kernel.add_asset(owner + 1, scale=6, symbol=f"QUOTE{owner}"),
        kernel.add_market(0, base=owner, quote=owner + 1, lot_size=10, tick_quote=1, symbol=f"B{owner}-Q"),
        kernel.set_phase(0, kernel.PHASE_OPEN),
    ]
    for place, account in enumerate((MAKER, TAKER)):
        deposits = [
            kernel.deposit(
                account, owner + asset, 10**9, transfer_id=transfers_from + 2 * place + asset, issued_ms=now
            )
            for asset in (0, 1)
        ]
        setup += [kernel.open_account(account, owner=owner + place), *deposits]
        if repeat:
            setup += [kernel.open_account(account, owner=owner + place), deposits[0], kernel.set_phase(0, 2)]
    for command in setup:
        send(group, command)
    for number in range(6):
        side = number % 2
        send(group, order(MAKER if side else TAKER, side, 1_000, 1 + number, f"c{number}", key=key))
        if repeat:
            send(group, kernel.tick())
    return group


def test_the_same_input_has_the_same_normal_form(local_worker: LocalWorker) -> None:
    first = normal_of(play(transfers_from=100, owner=5, key=3, repeat=False))
    second = normal_of(play(transfers_from=9_000, owner=40, key=8, repeat=True))
    assert first == second
    assert (first.commands, first.timed) == (16, 0)
    assert first.trades > 0


def test_another_order_has_another_normal_form(local_worker: LocalWorker) -> None:
    group = play(transfers_from=100, owner=5, key=3, repeat=False)
    before = normal_of(group)
    send(group, order(MAKER, kernel.BUY, 900, 1, "more"))
    after = normal_of(group)
    assert before.root != after.root
    assert after.commands == before.commands + 1


def test_commands_bound_to_a_time_are_counted(local_worker: LocalWorker) -> None:
    group = int(create_group().pk)
    open_market(group)
    now = client.query(group, {"q": "markets"})["now_ms"]
    send(group, order(MAKER, kernel.BUY, 900, 1, deadline_ms=now + 60_000))
    send(group, order(MAKER, kernel.BUY, 900, 1, tif=kernel.GTD, expires_ms=now + 60_000))
    send(group, kernel.cancel_all_after(MAKER, timeout_ms=60_000))
    assert normal_of(group).timed == 3


def test_what_is_committed_while_the_audit_reads_is_no_part_of_it(
    traded_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_head = audit_module._check_head
    before = audit_group(traded_group).kernel.sequence

    def check_late(audit: Audit) -> None:
        send(traded_group, order())
        check_head(audit)

    monkeypatch.setattr(audit_module, "_check_head", check_late)
    assert audit_group(traded_group).problems == []
    monkeypatch.undo()
    later = audit_group(traded_group)
    assert (later.problems, later.kernel.sequence) == ([], before + 1)
