"""What a price replay has to show: the waterfall by stage, the path of the insurance fund, and that the books
balance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exchange_os.demo.price_replay import ROWS_NAMED, Tally
from exchange_os.demo.price_stage import MARKET, UNIT, Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of the kernel after a replay; ``faults`` are sentences, empty when all agrees."""

    fund: dict[str, Any]
    market: dict[str, Any]
    funding: list[list[int]]
    deposited: int
    root: str
    faults: list[str]


def examine(stage: Stage) -> Outcome:
    """Audit the kernel from nothing and compare what it holds with what was paid in."""
    faults = []
    kernel = stage.kernel
    try:
        kernel.check_invariants()
    except RuntimeError as error:
        faults.append(f"the audit fails: {error}")
    assets = stage.ask(q="assets")["assets"]
    deposited = kernel.totals()[assets[0]["asset"]]
    if any(asset["insurance"] < 0 for asset in assets):
        faults.append("the insurance fund is below zero")
    return Outcome(
        fund=stage.ask(q="insurance"),
        market=stage.ask(q="market", market=MARKET)["market"],
        funding=stage.ask(q="funding", market=MARKET, limit=720)["history"],
        deposited=deposited,
        root=kernel.state_root().hex(),
        faults=faults,
    )


def money(units: int) -> str:
    """Units as a decimal with two places."""
    return f"{units / UNIT:,.2f}"


def report_lines(tally: Tally, outcome: Outcome, accounts: int) -> Iterator[str]:
    """The summary table, line by line."""
    yield f"bars read         {tally.rows:>14,}   malformed {tally.bad_row_count:,}"
    for row in tally.bad_rows:
        yield f"  malformed       line {row.line}: {row.reason}"
    if tally.bad_row_count > ROWS_NAMED:
        yield f"  malformed       and {tally.bad_row_count - ROWS_NAMED:,} more"
    prices = [price / 10**8 for price in (tally.first_e8, tally.low_e8, tally.high_e8, tally.last_e8)]
    low, high, last = (f"{price:,.2f}" for price in prices[1:])
    yield f"prices            {prices[0]:>14,.2f}   first; low {low}, high {high}, last {last}"
    yield f"accounts          {accounts:>14,}   {len(tally.liquidated):,} were liquidated"
    yield f"paid in again     {tally.returns:>14,}   times, after losses"
    yield f"commands          {tally.commands:>14,}   {tally.trades:,} trades"
    for reason, count in tally.rejected.most_common(6):
        yield f"  refused         {count:>14,}   {reason}"
    yield f"liquidations      {outcome.fund['liquidations']:>14,}   by stage:"
    for stage in outcome.fund["stages"]:
        what = f"{stage['lots']:,} lots, worth {money(stage['value'])}"
        yield f"  {stage['name']:<16}{stage['steps']:>14,}   steps, {what}"
    yield f"deleveraged       {tally.deleveraged:>14,}   positions of the other side, in order of profit times leverage"
    fund = outcome.fund
    path = f"equity from {money(tally.fund_low)} to {money(tally.fund_high)}"
    yield f"insurance fund    {money(fund['fund']):>14}   {path}"
    yield f"  carried         {money(fund['notional']):>14}   at the end, {money(tally.carried_high)} at most"
    rates = [rate for _, rate, _ in outcome.funding]
    mean = sum(rates) / max(1, len(rates)) / 10**3
    yield f"funding           {len(rates):>14,}   hours kept, mean {mean:.2f} ppm an hour"
    yield f"most work         {fund['most_units']:>14,}   units in one millisecond of kernel time"
    yield f"  waiting         {tally.queue_high:>14,}   buckets at most"
    yield f"slowest batch     {tally.slowest_seconds * 1000:>14,.2f}   ms"
    yield f"time              {tally.seconds:>14,.1f}   s, {tally.kernel_seconds:,.1f} s of them in the kernel"
    yield f"paid in           {money(outcome.deposited):>14}   by all accounts"
    if outcome.faults:
        yield f"conservation              FAILED   {len(outcome.faults)} faults"
        yield from (f"  fault           {fault}" for fault in outcome.faults)
    else:
        yield "conservation               holds   cash less entries is what was paid in, the fund is not below zero"
    yield f"state root        {outcome.root}"
