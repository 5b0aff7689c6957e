"""What a changed parameter would do, worked out on the venues as they are: who falls short, what is left to carry."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_words, stake_asset, stake_balance
from exchange_os.parameters.registry import PARAMETERS
from governance.kinds import Line
from governance.rules.finding import counted
from governance.tally import PPM
from venues.models import Deployer, RevenueDay, Venue
from venues.selectors import BACKED_STATES
from venues.services.capacity import backed_count, settlement_asset
from venues.stakes import capacity_from, least_stakes, needs_of, stake_price

DAYS = 30
LISTED = 20
PATIENCE_SECONDS = 1.5


def effects_of(name: str, value: int) -> list[Line]:
    """What would follow if the parameter had this value now, in lines; empty where only what is to come changes."""
    if PARAMETERS[name].unit == "stake" and name.startswith("min_"):
        return _stakes(name.removeprefix("min_").removesuffix("_stake"), value)
    if name == "capacity_multiple":
        return _capacities(value)
    if name == "protocol_share_ppm":
        return _revenue(value)
    return []


def _stakes(kind: str, value: int) -> list[Line]:
    """Deployers whose stake would no longer be what their venues need."""
    asset = stake_asset()
    least = {**least_stakes(), kind: Decimal(value)}
    lines, fine = [], 0
    deployers = Deployer.objects.filter(venues__state__in=BACKED_STATES).distinct().order_by("pk")
    for deployer in deployers:
        held = stake_balance(deployer.user_id)
        before, after = needs_of(deployer.user_id), needs_of(deployer.user_id, least)
        if held >= after or held < before:
            fine += 1
        else:
            lines.append(
                Line(
                    f"{deployer.name} falls short",
                    f"{amount_words(held, asset)} at stake, {amount_words(after, asset)} needed "
                    f"({amount_words(before, asset)} now)",
                )
            )
    count = f"{counted(len(lines), 'deployer')} would fall below the minimum; {fine} would not."
    return [Line("Stakes", count), *lines[:LISTED]]


def _capacities(multiple: int) -> list[Line]:
    """What every venue with contracts may carry, now and then, and whether it carries more."""
    asset, lines = stake_asset(), []
    for venue in Venue.objects.filter(state__in=BACKED_STATES, fronts=None).select_related("deployer"):
        settlement = settlement_asset(venue)
        if settlement is None:
            continue
        stake, shared = stake_balance(venue.deployer.user_id), backed_count(venue.deployer_id)
        price = stake_price(settlement).value
        now = capacity_from(stake, shared, settlement, price, asset)
        then = capacity_from(stake, shared, settlement, price, asset, multiple)
        used = _used(venue)
        words = f"{amount_words(now, settlement)} now, {amount_words(then, settlement)} then"
        if used is None:
            words += "; the venue does not say what it carries"
        elif used > then:
            words += f"; it carries {amount_words(used, settlement)} and takes no new risk until that fits"
        lines.append(Line(venue.name, words))
    return [Line("Capacities", f"{counted(len(lines), 'venue')} with contracts"), *lines[:LISTED]]


def _used(venue: Venue) -> int | None:
    try:
        return int(client.query(venue.group_id, {"q": "capacity"}, PATIENCE_SECONDS)["open_interest"])
    except DomainError:
        return None


def _revenue(share_ppm: int) -> list[Line]:
    """What the protocol got by its share of the last days' fees, and what it would have got by the new one."""
    since = timezone.now().date() - timedelta(days=DAYS)
    fees: dict[int, list[int]] = {}
    venues = {
        venue.group_id: venue for venue in Venue.objects.filter(fronts=None).prefetch_related("markets")
    }
    rows = RevenueDay.objects.filter(day__gt=since).values("group_id", "market")
    for row in rows.annotate(taker=Sum("taker_fees"), maker=Sum("maker_fees")).order_by("group_id", "market"):
        venue = venues.get(row["group_id"])
        quote = (
            next((m.quote_id for m in venue.markets.all() if m.number == row["market"]), None)
            if venue
            else None
        )
        if venue is None or quote is None:
            continue
        paid, sums = row["taker"] + row["maker"], fees.setdefault(quote, [0, 0])
        sums[0] += paid * venue.protocol_share_ppm // PPM
        sums[1] += paid * share_ppm // PPM
    lines = []
    for asset in Asset.objects.filter(pk__in=fees).order_by("symbol"):
        got, would = fees[asset.pk]
        sign = "+" if would >= got else "−"
        lines.append(
            Line(
                f"Fees of {DAYS} days, {asset.symbol}",
                f"{amount_words(got, asset)} at the shares in force, {amount_words(would, asset)} if every venue had "
                f"the new one ({sign}{amount_words(abs(would - got), asset)})",
            )
        )
    return [Line("Reach", "Venues launched from now on; those there are keep their share"), *lines]
