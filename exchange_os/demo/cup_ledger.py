"""What every account must have, kept beside the kernel from its fills alone, and compared with what it pays.

It knows nothing of margin or of how the kernel settles: contracts move by fills and complete sets, cash by their prices
and fees, and a settled outcome pays its lots times its payout. Faults are sentences.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import exchange_kernel as xk


class CupLedger:
    """Cash and contracts by account. ``unit``: units of the settlement asset a tick of a lot is worth."""

    def __init__(self, tick_quote: int) -> None:
        self._tick = tick_quote
        self.cash: Counter[int] = Counter()
        self.lots: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.fees = 0
        self.volume = 0
        self.trades = 0
        self.contracts_paid = 0
        self.paid_to_longs = 0
        self.payouts_checked = 0
        self.faults: list[str] = []

    def deposit(self, account: int, amount: int) -> None:
        self.cash[account] += amount

    def sets(self, account: int, markets: Iterable[int], lots: int, unit: int) -> None:
        """Complete sets made (or, negative, turned back) for ``unit`` each."""
        self.cash[account] -= lots * unit
        for market in markets:
            self.lots[market][account] += lots

    def split_off(self, fallback: int, market: int) -> None:
        """A late outcome: who has the fallback has as much of it."""
        self.lots[market] = Counter(self.lots[fallback])

    def note(self, events: Iterable[Mapping[str, Any]], payouts: Mapping[int, int]) -> None:
        """Take over the fills of a batch, and check its settlements against ``payouts`` (ticks by market)."""
        for event in events:
            if event["kind"] == "fill":
                self._fill(event)
            elif event["kind"] == "settlement":
                self._settlement(event, payouts)

    def _fill(self, event: Mapping[str, Any]) -> None:
        account, lots, notional = event["account"], event["fill_size_lots"], event["fill_notional"]
        bought = event["side"] == xk.BUY
        self.lots[event["market"]][account] += lots if bought else -lots
        self.cash[account] += (-notional if bought else notional) - event["fill_fee"]
        self.fees += event["fill_fee"]
        if bought:
            self.trades += 1
            self.volume += notional

    def _settlement(self, event: Mapping[str, Any], payouts: Mapping[int, int]) -> None:
        market, account = event["market"], event["account"]
        lots = self.lots[market].pop(account, 0)
        amount = lots * payouts.get(market, -1) * self._tick
        self.payouts_checked += 1
        self.contracts_paid += max(0, lots)
        self.paid_to_longs += max(0, amount)
        self.cash[account] += amount
        told = (event["lots"], event["amount"], event["cash_after"])
        if told[:2] != (lots, amount) or lots == 0:
            self.faults.append(
                f"market {market}, account {account}: paid {told}, due {lots} lots, {amount} units"
            )

    def close(self, markets: Iterable[int]) -> None:
        """All contracts of these markets must have been paid by now."""
        for market in markets:
            left = {account: lots for account, lots in self.lots.pop(market, Counter()).items() if lots}
            if left:
                self.faults.append(f"market {market}: {len(left)} holders were never paid")
