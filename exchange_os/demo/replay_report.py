"""What a replay has to show: the answers it got, what the database now holds, and whether the two agree."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Max, Min, Sum

from exchange_os.demo.replay import ROWS_NAMED, Tally
from exchange_os.demo.replay_stage import ReplayStage
from exchange_os.engine.audit import audit_group
from exchange_os.engine.models import Fill
from exchange_os.engine.normal_form import normal_form
from exchange_os.ledger.selectors import amount_text
from exchange_os.ledger.services import check_ledger
from exchange_os.ledger.services.check import escrow_totals
from venues.selectors import instruments_of
from venues.services.totals import kernel_totals

TAKER_ROLE = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures read from the database after a replay; ``faults`` are sentences, empty when all agrees."""

    trades: int
    volume: str
    turnover: str
    prices: str
    journaled: int
    root: str
    replayed_root: str
    faults: list[str]


def examine(stage: ReplayStage) -> Outcome:
    """Audit the venue's journal, its tables, its kernel and the ledger, and read its trades."""
    group_id = stage.venue.group_id
    instrument = instruments_of(stage.venue)[0]
    taken = Fill.objects.filter(group_id=group_id, role=TAKER_ROLE).aggregate(
        trades=Count("trade_id"), lots=Sum("size_lots"), notional=Sum("notional"), low=Min("price_ticks"),
        high=Max("price_ticks"),
    )  # fmt: skip
    audit = audit_group(group_id)
    normal = normal_form(audit)
    faults = list(audit.problems)
    live = {asset: units for asset, units in kernel_totals(group_id).items() if units}
    replayed = {asset: units for asset, units in audit.totals.items() if units}
    if not live == replayed == escrow_totals(group_id):
        faults.append(
            f"kernel {live}, journal {replayed} and escrow {escrow_totals(group_id)} hold different totals"
        )
    if normal.trades != taken["trades"] or audit.trades != taken["trades"]:
        faults.append(
            f"{taken['trades']} trades are stored, {audit.trades} replayed, {normal.trades} in normal form"
        )
    if normal.timed:
        faults.append(f"{normal.timed} commands are bound to a time: the state root says nothing")
    faults += check_ledger().faults
    low, high = taken["low"], taken["high"]
    return Outcome(
        trades=taken["trades"],
        volume=f"{instrument.size_text(int(taken['lots'] or 0))} {stage.base.symbol}",
        turnover=f"{amount_text(int(taken['notional'] or 0), stage.quote)} {stage.quote.symbol}",
        prices=f"{instrument.price_text(low)} to {instrument.price_text(high)}" if low else "none",
        journaled=audit.kernel.sequence,
        root=normal.root,
        replayed_root=audit.root,
        faults=faults,
    )


def report_lines(tally: Tally, outcome: Outcome) -> Iterator[str]:
    """The summary table, line by line."""
    yield f"rows read         {tally.rows:>12,}   malformed {tally.bad_row_count:,}, repeated {tally.repeated_rows:,}"
    for row in tally.bad_rows:
        yield f"  malformed       line {row.line}: {row.reason}"
    if tally.bad_row_count > ROWS_NAMED:
        yield f"  malformed       and {tally.bad_row_count - ROWS_NAMED:,} more"
    for reason, count in sorted(tally.skipped.items()):
        yield f"  not sent        {count:>12,}   {reason}"
    yield f"commands          {tally.commands:>12,}   in {tally.bodies:,} bodies, {tally.requests:,} requests"
    yield f"rounded           {tally.rounded:>12,}   sizes down to the lot"
    yield f"accepted          {tally.accepted:>12,}"
    yield f"rejected          {sum(tally.rejected.values()):>12,}"
    for reason, count in tally.rejected.most_common():
        yield f"  reason          {count:>12,}   {reason}"
    if tally.waits or tally.resent:
        yield f"retries           {tally.waits + tally.resent:>12,}   busy {tally.waits:,}, unanswered {tally.resent:,}"
    yield f"trades            {outcome.trades:>12,}   at {outcome.prices}"
    yield f"volume            {outcome.volume}, turnover {outcome.turnover}"
    seconds = max(tally.seconds, 1e-9)
    yield f"rate              {tally.commands / seconds:>12,.0f}   commands a second over {seconds:,.1f} s"
    yield f"acks              {tally.quantile_ms(500):>12,.1f}   ms p50, {tally.quantile_ms(990):,.1f} ms p99"
    yield f"journal           {outcome.journaled:>12,}   commands, every hash and a clean replay checked"
    if outcome.faults:
        yield f"conservation            FAILED   {len(outcome.faults)} faults"
        yield from (f"  fault           {fault}" for fault in outcome.faults)
    else:
        yield "conservation             holds   ledger, escrow, kernel and journal agree to the unit"
    yield f"state root        {outcome.root}"
