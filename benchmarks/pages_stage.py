"""Sets the stage of the page benchmarks on a private stack: the demo, its World Cup, a trader with a long past.

``python -m benchmarks.pages_stage`` prints JSON: ``{"venue", "sessions", "places", "maker"}``: sessions of ``trader``,
``deployer``, ``member`` and ``staff``, each with a second factor, what the addresses of pages name, and the key of a
bot. The trader trades through the bulk API, in ``ROUNDS`` rounds on the spot market and as many on the perpetual:
200,000 fills, 200,000 orders that are over, 50,000 bills.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import django

django.setup()

import exchange_kernel as kernel  # noqa: E402
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import AbstractBaseUser  # noqa: E402
from django.test import Client  # noqa: E402

from exchange_os.demo import cast  # noqa: E402
from exchange_os.demo.client import VenueClient  # noqa: E402
from exchange_os.demo.committee import MEMBERS  # noqa: E402
from exchange_os.demo.feeds import NAMES  # noqa: E402
from exchange_os.demo.seed import load_bot_keys, seed_demo  # noqa: E402
from exchange_os.demo.stage import ensure_trading_account, make_credentials  # noqa: E402
from exchange_os.demo.worldcup.seed import QUOTER, ensure_cup, load_keys  # noqa: E402
from exchange_os.engine import client  # noqa: E402
from governance.models import Decision  # noqa: E402
from venues.models import Event, Venue  # noqa: E402
from venues.selectors import market_by_symbol  # noqa: E402

ROUNDS, ROUND_ORDERS = 100, 1_000
FRESH_MS = 3_600_000  # longer than the benchmark
PERPETUAL_TICKS = 650_000

Item = dict[str, str]


def session_of(user: AbstractBaseUser) -> str:
    """A signed-in session in which a second factor was given, as a browser would keep it."""
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session["account_authentication_methods_user"] = str(user.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session.save()
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def tell_price(venue: Venue) -> None:
    """The sources of the perpetual agree, and what they said stays fresh."""
    market, now = market_by_symbol(venue, cast.PERPETUAL_SYMBOL), time.time_ns() // 1_000_000
    prices = [
        (kernel.PRICE_INDEX, market.number, source, PERPETUAL_TICKS, now)
        for source in range(1, len(NAMES) + 1)
    ]
    for frame in (
        kernel.set_price_rules(market.number, stale_ms=FRESH_MS),
        kernel.observe_prices(prices),
    ):
        ack = client.submit(venue.group_id, frame)
        assert ack.code == 0, kernel.REJECTS[ack.code]


def order(symbol: str, side: str, price: str, size: str, name: str) -> Item:
    """An item of a bulk body that places a limit order."""
    return {
        "op": "place", "instId": symbol, "side": side, "ordType": "limit", "px": price, "sz": size, "clOrdId": name,
    }  # fmt: skip


def send(venue: VenueClient, items: list[Item]) -> None:
    """Send a body; every item of it is taken."""
    refused = [ack for ack in venue.bulk(items) if ack.code != "0"]
    assert not refused, refused[:3]


def trade(maker: VenueClient, taker: VenueClient, symbol: str, bid: str, ask: str, size: str) -> None:
    """The maker quotes, the taker takes, by turns on each side, so that nobody's position grows."""
    for number in range(ROUNDS):
        quoted, taken = [], []
        for place in range(ROUND_ORDERS):
            buys, name = place % 2 == 0, f"{symbol[-4:].strip('-')}{number}x{place}"
            price = ask if buys else bid
            quoted.append(order(symbol, "sell" if buys else "buy", price, size, f"m{name}"))
            taken.append(order(symbol, "buy" if buys else "sell", price, size, f"t{name}"))
        send(maker, quoted)
        send(taker, taken)


def quotes(symbol: str, middle: Decimal, step: Decimal, size: str, levels: int) -> list[Item]:
    """Orders that rest on both sides of a price."""
    return [
        order(
            symbol, side, str(middle + sign * step * rank), size, f"q{sign + 1}{rank}{symbol[-6:].strip('-')}"
        )
        for rank in range(1, levels + 1)
        for side, sign in (("buy", -1), ("sell", 1))
    ]


def quote_cup(cup: Venue, send_items: Callable[[list[Item]], None]) -> None:
    """A bid and an offer around an even chance for each outcome."""
    items = []
    for event in Event.objects.filter(venue=cup).prefetch_related("markets"):
        outcomes = event.markets.all()
        chance = max(Decimal("0.03"), round(Decimal(1) / len(outcomes), 2))
        for market in outcomes:
            for side, price in (("buy", chance - Decimal("0.01")), ("sell", chance + Decimal("0.01"))):
                items.append(order(market.symbol, side, str(price), "20", f"c{len(items)}"))
    send_items(items)


def main() -> dict[str, Any]:
    """Make everything."""
    base = f"http://127.0.0.1:{os.environ['PORT']}"
    venue, cup = seed_demo(), ensure_cup(lambda text: None)
    users = {
        "trader": get_user_model().objects.get(email=cast.TRADER.email),
        "deployer": get_user_model().objects.get(email=cast.DEPLOYER.email),
        "member": get_user_model().objects.get(email=MEMBERS[0].email),
        "staff": get_user_model().objects.create_user("staff", "staff@bench.example", is_staff=True),
    }
    TOTP.activate(users["staff"], generate_totp_secret())
    tell_price(venue)
    own_key = make_credentials(ensure_trading_account(users["trader"], venue), "bench")
    bots = load_bot_keys()
    spot, perpetual, own = (
        VenueClient(base, venue.slug, key)
        for key in (bots[cast.SPOT_MAKER], bots[cast.PERPETUAL_MAKER], own_key)
    )
    trade(spot, own, "BTC-USD", "64999.9", "65000.1", "0.001")
    trade(perpetual, own, cast.PERPETUAL_SYMBOL, "64999.9", "65000.1", "1")
    send(spot, quotes("BTC-USD", Decimal(65_000), Decimal("2.5"), "0.01", 30))
    send(perpetual, quotes(cast.PERPETUAL_SYMBOL, Decimal(65_000), Decimal("2.5"), "5", 30))
    send(own, quotes("BTC-USD", Decimal(65_000), Decimal(100), "0.001", 5))
    send(own, [order(cast.PERPETUAL_SYMBOL, "buy", "65010", "10", "position")])
    quoter = VenueClient(base, cup.slug, load_keys(cup)[QUOTER])
    quote_cup(cup, lambda items: send(quoter, items))
    event = Event.objects.get(venue=cup, code__endswith="WINNER")
    return {
        "venue": venue.slug,
        "sessions": {name: session_of(user) for name, user in users.items()},
        "places": {
            "venue": venue.slug, "cup": cup.slug, "event": event.code, "console": venue.pk, "cup_console": cup.pk,
            "decision": Decision.objects.latest("pk").pk,
        },
        "maker": asdict(bots[cast.SPOT_MAKER]),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main()))
