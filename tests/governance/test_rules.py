"""Rules find in a journal what happened, and only that."""

import json

import exchange_kernel as xk
import pytest
from exchange_kernel.journal_file import batch_bytes, start_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_os.engine.replaying import JournalUnsound, Replay
from governance.canonical import canonical, digest
from governance.rules import RULES, ParamsWrong
from governance.rules.__main__ import main as run_file
from governance.rules.oracle import deviation_ppm, losses_of
from governance.rules.self_dealing import losses_of as dealing_losses
from governance.rules.settlement import differences
from tests.governance.journals import GROUP, START_MS, Journal, accounts, observed, perpetual, question

SOURCE = "example.com/rain"
#: Properties on a busy machine: slow is not wrong.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def find(journal: Journal, name: str, first: int = 1, **params):
    """What a rule finds, twice the same."""
    rule = RULES[name]
    rule.check(params)
    found = rule.run(journal.replay(first), params)
    again = rule.run(journal.replay(first), params)
    assert canonical(found.content()) == canonical(again.content())
    return found


def settled(outcome: int) -> Journal:
    journal = question()
    journal.batch(100, xk.resolve_event(0, [(outcome, 100)], is_final=True))
    journal.batch(101, xk.tick())
    return journal


def test_a_settlement_against_its_source_is_found_with_what_each_lost():
    found = find(settled(1), "settlement", event=0, payouts={"0": 1_000_000}, source=SOURCE)
    assert found.found
    assert found.losses == {"17": 1_000}
    assert found.rows == [{"account": 16, "due_less_paid": -1_000}, {"account": 17, "due_less_paid": 1_000}]
    assert found.asset == 1
    assert found.sentence.endswith("1 account got too little.")


def test_a_settlement_as_the_source_says_is_not_found():
    found = find(settled(0), "settlement", event=0, payouts={"0": 1_000_000, "1": 0}, source=SOURCE)
    assert (found.found, found.losses, found.rows) == (False, {}, [])
    assert found.facts == {"accounts_settled": 2, "units_too_little": 0}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"event": 0, "payouts": {"0": 999_999}, "source": SOURCE}, "sum to 1,000,000"),
        ({"event": 4, "payouts": {"0": 1_000_000}, "source": SOURCE}, "no event 4"),
        ({"event": True, "payouts": {"0": 1_000_000}, "source": SOURCE}, "whole number"),
        ({"event": 0, "payouts": {"0": 1_000_000}}, "missing source"),
        ({"event": 0, "payouts": {"0": 1_000_000}, "source": SOURCE, "more": 1}, "unknown more"),
    ],
)
def test_parameters_are_checked(params, words):
    with pytest.raises(ParamsWrong, match=words):
        find(settled(0), "settlement", **params)


@CALM
@given(
    st.dictionaries(st.integers(16, 40), st.integers(-(10**6), 10**6), min_size=1),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(1, 1000),
)
def test_what_some_were_paid_too_little_others_were_paid_too_much(lots, paid_ticks, due_ticks, tick_quote):
    lots[99] = -sum(lots.values())
    paid = {(account, 0): (held, held * paid_ticks * tick_quote) for account, held in lots.items()}
    found = differences(paid, {0: due_ticks}, tick_quote)
    assert sum(found.values()) == 0
    assert all(found[each] == lots[each] * (due_ticks - paid_ticks) * tick_quote for each in lots)


def test_a_source_away_from_the_others_is_found_with_what_it_cost():
    journal = perpetual()
    for second in (60, 70, 80):
        journal.batch(second, observed(1_001, 999, 880, seconds=second))
        journal.batch(second + 1, xk.tick())
    found = find(journal, "oracle", market=0, source=3, limit_ppm=50_000, count=3)
    assert found.found
    assert found.facts == {"observations": 4, "beyond": 3, "worst_ppm": 119_119}
    assert find(journal, "oracle", market=0, source=1, limit_ppm=50_000, count=1).found is False


def test_liquidations_while_a_source_lied_are_losses():
    journal = perpetual()
    journal.batch(30, xk.place(16, 0, side=xk.BUY, price_ticks=890, size_lots=5_000))
    for second in range(60, 90, 3):
        journal.batch(second, observed(880, 881, 780, seconds=second))
        journal.batch(second + 1, xk.tick())
    found = find(journal, "oracle", market=0, source=3, limit_ppm=100_000, count=5)
    assert (found.found, found.facts["beyond"]) == (True, 10)
    holds = json.loads(journal.kernel.query(b'{"q":"account","account":17}'))
    lost = 110_000 - next(row["total"] for row in holds["balances"])
    assert found.losses == {"17": lost}


def test_losses_are_net_of_what_was_received_and_the_funds_are_apart():
    kinds = xk.BILL_KINDS
    bills = [
        {"kind": kinds["liquidation"], "account": 17, "amount": -500, "fee": 20},
        {"kind": kinds["funding"], "account": 17, "amount": 30, "fee": 0},
        {"kind": kinds["funding"], "account": 18, "amount": 40, "fee": 0},
        {"kind": kinds["insurance"], "account": 3, "amount": -70, "fee": 0},
        {"kind": kinds["insurance"], "account": 3, "amount": 20, "fee": 0},
        {"kind": kinds["realised"], "account": 18, "amount": -900, "fee": 0},
    ]
    assert losses_of(bills) == ({17: 490}, 50)


def test_between_two_others_nobody_is_away():
    assert deviation_ppm(110, [100, 120]) == 0
    assert deviation_ppm(132, [100, 120]) == 100_000
    assert deviation_ppm(90, [100]) == 100_000
    assert deviation_ppm(90, [100, 90, 500]) == 100_000


def test_own_trades_are_found_and_those_on_both_sides():
    journal = question()
    found = find(journal, "self_dealing", market=0, accounts=[16])
    assert (found.found, found.facts) == (True, {"trades": 1, "both_sides": 0, "units_lost": 0})
    assert find(journal, "self_dealing", market=0, accounts=[16, 17]).facts["both_sides"] == 1
    assert not find(journal, "self_dealing", market=0, accounts=[99]).found
    assert not find(journal, "self_dealing", market=1, accounts=[16]).found


def test_whoever_paid_an_insider_more_than_the_average_of_all_others_lost_the_difference():
    journal = question()
    journal.batch(
        20,
        *accounts(18, 19),
        xk.place(18, 0, side=xk.SELL, price_ticks=40, size_lots=30),
        xk.place(19, 0, side=xk.BUY, price_ticks=40, size_lots=30),
    )
    found = find(journal, "self_dealing", market=0, accounts=[16])
    assert found.losses == {"17": 200}  # ten at 60 that others traded at 40
    assert find(journal, "self_dealing", market=0, accounts=[17]).losses == {}  # 16 sold dearer than others


FILLS = st.lists(
    st.tuples(st.integers(16, 22), st.integers(16, 22), st.integers(1, 50), st.integers(1, 100)), max_size=25
)


@CALM
@given(FILLS, st.sets(st.integers(16, 22), max_size=3))
def test_losses_to_insiders_are_above_zero_and_never_an_insiders(fills, own):
    trades = [
        tuple(
            {"account": account, "side": side, "size_lots": lots, "notional": lots * ticks, "fee": 1}
            for account, side in ((buyer, xk.BUY), (seller, xk.SELL))
        )
        for buyer, seller, lots, ticks in fills
    ]
    lost = dealing_losses(trades, own)
    assert all(loss > 0 for loss in lost.values())
    assert not own & lost.keys()
    if not own or own >= {account for fill in fills for account in fill[:2]}:
        assert lost == {}


def test_time_halted_by_command_is_added_up():
    journal = question()
    journal.batch(100, xk.set_phase(0, xk.PHASE_HALTED))
    journal.batch(160, xk.set_phase(0, xk.PHASE_HALTED), refused=True)
    journal.batch(400, xk.set_phase(0, xk.PHASE_OPEN))
    journal.batch(500, xk.set_phase(0, xk.PHASE_HALTED))
    journal.batch(530, xk.tick())
    found = find(journal, "downtime", market=0, limit_ms=300_000)
    assert (found.found, found.facts) == (True, {"halted_ms": 330_000, "halts": 2})
    assert not find(journal, "downtime", market=0, limit_ms=330_000).found


def test_a_result_after_its_deadline_is_late():
    journal = settled(0)
    deadline = START_MS + 40_000
    found = find(journal, "deadline", event=0, deadline_ms=deadline)
    assert (found.found, found.facts) == (True, {"late_ms": 60_000, "proposed_ms": START_MS + 100_000})
    assert not find(journal, "deadline", event=0, deadline_ms=deadline + 60_000).found


def test_a_result_that_never_came_is_late_too():
    journal = question()
    journal.batch(50, xk.close_event(0))
    found = find(journal, "deadline", event=0, deadline_ms=START_MS + 20_000)
    assert (found.found, found.facts) == (True, {"late_ms": 30_000, "proposed_ms": 0})


def test_a_journal_that_was_changed_is_not_replayed():
    journal = settled(1)
    link = journal.links[2]
    forged = xk.resolve_event(0, [(0, 100)], is_final=True)
    for links, words in (
        ([*journal.links[:2], link._replace(commands=forged), *journal.links[3:]], "hash"),
        ([*journal.links[:2], *journal.links[3:]], "gap"),
        (journal.links[:3], "ends at sequence"),
    ):
        replay = Replay(GROUP, links, 1, journal.kernel.sequence)
        with pytest.raises(JournalUnsound, match=words):
            list(replay.batches)


def test_a_rule_runs_on_a_journal_file_alone(tmp_path, capsys):
    journal = settled(1)
    path = tmp_path / "journal"
    with path.open("wb") as file:
        file.write(start_bytes(GROUP))
        for link in journal.links:
            place = GROUP, 1, link.first_sequence, link.last_sequence, link.now_ms
            file.write(batch_bytes(place, link.commands, link.hash))
    params = {"event": 0, "payouts": {"0": 1_000_000}, "source": SOURCE}
    assert run_file([str(path), "settlement", json.dumps(params)]) == 0
    shown = capsys.readouterr().out
    assert digest(canonical(find(journal, "settlement", **params).content())) in shown
    assert run_file([str(path), "deadline", json.dumps({"event": 0, "deadline_ms": 2**50})]) == 1
    assert run_file([str(path), "settlement", "{}"]) == 2
    path.write_bytes(path.read_bytes()[:-40])
    assert run_file([str(path), "settlement", json.dumps(params)]) == 2
    assert "middle of a batch" in capsys.readouterr().err


def test_a_transfer_that_waited_is_found_once_and_by_its_first_answer():
    def asked(number, seconds):
        return xk.deposit(16, 1, 100, transfer_id=number, issued_ms=START_MS + seconds * 1000)

    journal = question()
    journal.batch(100, xk.tick())
    journal.batch(500, asked(101, 120), asked(102, 480))
    # Sent again meanwhile, and answered again: that was no waiting.
    journal.batch(900, asked(102, 480), refused=True)
    found = find(journal, "unanswered", limit_ms=300_000)
    assert found.facts == {"longest_ms": 380_000, "transfers": 1}
    assert found.rows == [
        {"transfer": 101, "issued_ms": START_MS + 120_000, "answered_ms": START_MS + 500_000}
    ]
    assert found.sentence == (
        "1 transfer waited for an answer longer than the 300 s that are allowed, the longest 380 s."
    )
    assert not find(journal, "unanswered", limit_ms=380_000).found
    # From a later command on: what was asked before may have been answered before.
    last = journal.kernel.sequence
    assert not find(journal, "unanswered", first=last, limit_ms=1).found
