"""One account over all venues: what a user has at each and in the wallet, its worth, and what it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill
from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, Asset
from exchange_os.ledger.selectors import balances_of, listed_assets
from trading.models import EquityPoint, TradingAccount
from trading.selectors.positions import Holdings, holdings_of_kernel
from trading.selectors.valuation import prices_in, value_asset, worth
from venues.instruments import Instrument
from venues.models import Venue
from venues.selectors import instruments_of, live_venues
from venues.services.asking import ask_many

VENUE_TIMEOUT_SECONDS = 1.5
HOUR_MS = 3_600_000
OUTSIDE = (
    AccountKind.WALLET,
    AccountKind.IN_TRANSIT,
    AccountKind.STAKE,
    AccountKind.UNBONDING,
    AccountKind.WITHDRAWING,
)
_REALISED = [BILL_KINDS[name] for name in ("realised", "liquidation", "adl", "settlement")]
_FUNDING = BILL_KINDS["funding"]


@dataclass
class VenueStanding:
    """A user at one venue; money in units of the value asset, ``holdings`` as the kernel says them.

    ``initial`` and ``maintenance`` are what its positions and orders ask for. Without an answer only venue and account
    are known. ``unpriced`` are assets that have no price and count nothing.
    """

    venue: Venue
    account: int
    answered: bool = False
    equity: int = 0
    unrealised: int = 0
    realised: int = 0
    funding: int = 0
    initial: int = 0
    maintenance: int = 0
    balances: list[tuple[Asset, int, int]] = field(default_factory=list)
    holdings: Holdings = field(default_factory=lambda: Holdings(None, (), 0))
    instruments: dict[int, Instrument] = field(default_factory=dict)
    unpriced: list[str] = field(default_factory=list)


@dataclass
class Standing:
    """A user over everything; money in units of ``unit``. ``wallet`` counts what is on its way and at stake.
    ``prices`` of assets by id are those that everything was valued at."""

    unit: Asset
    wallet: int
    venues: list[VenueStanding]
    unpriced: list[str]
    prices: Mapping[int, Decimal]

    @property
    def total(self) -> int:
        """Wallet and the venues that answered."""
        return self.wallet + sum(each.equity for each in self.venues)

    @property
    def unrealised(self) -> int:
        """Profit of open positions."""
        return sum(each.unrealised for each in self.venues)

    @property
    def realised(self) -> int:
        """Profit of closed positions in contracts, fees apart."""
        return sum(each.realised for each in self.venues)

    @property
    def funding(self) -> int:
        """Funding received less paid."""
        return sum(each.funding for each in self.venues)

    @property
    def initial(self) -> int:
        """Initial margin of positions and orders at all venues; each venue's is covered by what is there alone."""
        return sum(each.initial for each in self.venues)

    @property
    def maintenance(self) -> int:
        """Maintenance margin of all positions."""
        return sum(each.maintenance for each in self.venues)

    @property
    def whole(self) -> bool:
        """Whether every venue answered."""
        return all(each.answered for each in self.venues)


def account_standing(user_id: int, timeout: float = VENUE_TIMEOUT_SECONDS) -> Standing:
    """Everything a user has now. Venues that do not answer in ``timeout`` seconds are in it, without figures."""
    unit = value_asset()
    prices = prices_in(unit)
    assets = {asset.pk: asset for asset in listed_assets()}
    wallet, unpriced = 0, set()
    for (_, asset_id), units in balances_of(user_id, OUTSIDE).items():
        value = worth(units, assets[asset_id], unit, prices)
        wallet += value or 0
        if value is None:
            unpriced.add(assets[asset_id].symbol)
    numbers = dict(
        TradingAccount.objects.filter(user_id=user_id, opened_at__isnull=False).values_list(
            "venue_id", "number"
        )
    )
    own = list(live_venues().filter(pk__in=numbers))
    questions = [(venue.group_id, {"q": "account", "account": numbers[venue.pk]}) for venue in own]
    answers = ask_many(questions, timeout)
    billed = _billed([(venue.group_id, numbers[venue.pk]) for venue in own])
    standings = [
        VenueStanding(venue, numbers[venue.pk])
        if isinstance(answer, DomainError)
        else _standing(venue, answer, billed[venue.group_id, numbers[venue.pk]], unit, prices, assets)
        for venue, answer in zip(own, answers, strict=True)
    ]
    without = unpriced.union(*(each.unpriced for each in standings))
    return Standing(unit, wallet, standings, sorted(without), prices)


def _standing(
    venue: Venue,
    answer: dict[str, Any],
    billed: Mapping[int, Mapping[int, int]],
    unit: Asset,
    prices: Mapping[int, Decimal],
    assets: Mapping[int, Asset],
) -> VenueStanding:
    made = VenueStanding(venue, answer["account"], answered=True, holdings=holdings_of_kernel(answer))
    seen = {position.market for position in made.holdings.positions}.union(billed)
    made.instruments = {each.number: each for each in instruments_of(venue, seen)}
    for row in answer["balances"]:
        asset = assets[row["asset"]]
        if row["total"]:
            made.balances.append((asset, row["total"], row["held"]))
        value = worth(row["total"], asset, unit, prices)
        made.equity += value or 0
        if value is None:
            made.unpriced.append(asset.symbol)
    risk = made.holdings.risk
    if risk is not None and risk.asset in assets:
        made.initial = worth(risk.initial, assets[risk.asset], unit, prices) or 0
        made.maintenance = worth(risk.maintenance, assets[risk.asset], unit, prices) or 0
    for position in made.holdings.positions:
        traded = made.instruments.get(position.market)
        if traded is None:
            continue
        profit = position.profit(traded.tick_quote)
        # Contracts of an outcome were paid for in cash, those of a perpetual were not.
        marked = position.value_at_mark(traded.tick_quote) if position.outcome else profit
        made.unrealised += worth(profit, traded.quote, unit, prices) or 0
        made.equity += worth(marked, traded.quote, unit, prices) or 0
    for market, amounts in billed.items():
        traded = made.instruments.get(market)
        if traded is None:
            continue
        realised = sum(amounts.get(kind, 0) for kind in _REALISED)
        made.realised += worth(realised, traded.quote, unit, prices) or 0
        made.funding += worth(amounts.get(_FUNDING, 0), traded.quote, unit, prices) or 0
    return made


def _billed(accounts: Sequence[tuple[int, int]]) -> dict[tuple[int, int], dict[int, dict[int, int]]]:
    """What was billed to accounts, each as (risk group, number): ``{account: {market: {kind: units}}}``."""
    found: dict[tuple[int, int], dict[int, dict[int, int]]] = {account: {} for account in accounts}
    if not accounts:
        return found
    whose = Q()
    for group, account in accounts:
        whose |= Q(group_id=group, account=account)
    rows = Bill.objects.filter(whose, kind__in=[*_REALISED, _FUNDING])
    sums = rows.values_list("group_id", "account", "market", "kind").annotate(amount=Sum("amount"))
    for group, account, market, kind, amount in sums:
        found[group, account].setdefault(market, {})[kind] = int(amount)
    return found


def equity_points(user_id: int, since_ms: int = 0) -> list[tuple[int, int]]:
    """``(hour in milliseconds, worth)`` of a user, oldest first."""
    rows = EquityPoint.objects.filter(user_id=user_id, hour_ms__gte=since_ms).order_by("hour_ms")
    return list(rows.values_list("hour_ms", "total"))
