"""What a replay of World Cups has to show: every payout as due, and books that balance to the unit."""

from collections.abc import Iterator
from dataclasses import dataclass

from exchange_os.demo.cup_matches import Cup
from exchange_os.demo.cup_stage import PURSE, UNIT, CupStage


@dataclass(frozen=True, slots=True)
class CupOutcome:
    """Figures after everything is paid out; ``faults`` are sentences, empty when all agrees."""

    deposited: int
    left: int
    dust: int
    root: str
    faults: list[str]


def examine_cups(stage: CupStage) -> CupOutcome:
    """Pay everything out, audit the kernel from nothing, and compare it with the ledger."""
    deposited = PURSE * len(stage.bots)
    fees = stage.ledger.fees
    held = sum(stage.ledger.cash.values())
    stage.withdraw_all()
    faults = list(stage.ledger.faults)
    try:
        stage.kernel.check_invariants()
    except RuntimeError as error:
        faults.append(f"the audit fails: {error}")
    asset = stage.ask(q="assets")["assets"][0]
    left = asset["total"]
    if left != asset["dust"]:
        faults.append(f"{left} units are left, of which {asset['dust']} are dust")
    if held + fees != deposited:
        faults.append(f"accounts hold {held} units and paid {fees} in fees, of {deposited} paid in")
    return CupOutcome(deposited, left, asset["dust"], stage.kernel.state_root().hex(), faults)


def money(units: int) -> str:
    """Units as a decimal with two places."""
    return f"{units / UNIT:,.2f}"


def cup_lines(cups: list[Cup], stage: CupStage, outcome: CupOutcome, seconds: float) -> Iterator[str]:
    """The summary table, line by line."""
    tally, ledger = stage.tally, stage.ledger
    for cup in cups:
        yield f"{cup.name:<18}{len(cup.matches):>14,}   matches, won by {cup.champion}"
    yield f"events            {tally.events:>14,}   with {tally.markets:,} markets, {tally.late} of them late outcomes"
    yield f"accounts          {len(stage.bots):>14,}   bots with {money(PURSE)} each"
    yield f"commands          {tally.commands:>14,}   {tally.refused:,} refused"
    yield f"trades            {ledger.trades:>14,}   worth {money(ledger.volume)}, fees {money(ledger.fees)}"
    yield f"complete sets     {tally.sets:>14,}   times made or turned back"
    corrected = f"{tally.corrected} first reports corrected inside the window"
    yield f"settled at 90 min {tally.by_full_time:>14,}   matches, {corrected}"
    later = tally.by_extra_time + tally.by_penalties
    yield f"decided later     {later:>14,}   extra time {tally.by_extra_time}, penalties {tally.by_penalties}"
    yield f"payouts checked   {ledger.payouts_checked:>14,}   holdings, each paid once and as due"
    yield f"contracts paid    {ledger.contracts_paid:>14,}   long, {money(ledger.paid_to_longs)} in all"
    yield f"most work         {tally.most_told:>14,}   events told by one command"
    yield f"time              {seconds:>14,.1f}   s"
    yield f"paid in           {money(outcome.deposited):>14}   and all of it out again but {outcome.dust} units of dust"
    if outcome.faults:
        yield f"conservation              FAILED   {len(outcome.faults)} faults"
        yield from (f"  fault           {fault}" for fault in outcome.faults[:20])
    else:
        yield "conservation               holds   to the unit, for every account"
    yield f"state root        {outcome.root}"
