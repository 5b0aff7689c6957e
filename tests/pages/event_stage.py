"""Sets the stage of the walks through an event: a venue with two events, a maker's quotes, and traders with money.

``python -m tests.pages.event_stage`` prints JSON: ``{"venue", "events": [code, ...], "sessions": [...]}``;
``settle CODE OUTCOME`` proposes that an outcome won and lets its window pass, ``propose CODE OUTCOME`` leaves it open,
``judge CODE OUTCOME`` gives the verdict on its dispute that another outcome won.
"""

import json
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from exchange_os.demo.stage import (  # noqa: E402
    VenuePlan,
    claim_from_faucet,
    deposit_all,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
)
from exchange_os.ledger.selectors import asset_by_symbol, to_units  # noqa: E402
from tests.trading.contract_stage import session_of  # noqa: E402
from trading.services.orders import OrderDraft, place_order  # noqa: E402
from venues.models import PPM, Dispute, Event, Verdict  # noqa: E402
from venues.services import decide, follow_events, propose_result  # noqa: E402

CLOSES = timezone.now() + timedelta(days=30)
EVENT = {
    "kind": "outcome", "event_kind": "multiple", "series": "cup", "category": "Football", "quote": "USD",
    "closes": f"{CLOSES:%Y-%m-%d %H:%M}", "window_hours": "2", "tick_size": "0.01",
    "rules": "The winner after penalties, if there are any.", "source": "https://example.com/cup",
    "cut_off": "The end of the match.", "tie": "Penalties decide.", "void": "The match is abandoned.",
    "maker_fee_percent": "0", "taker_fee_percent": "0",
}  # fmt: skip
EVENTS = (
    {**EVENT, "title": "Who wins the cup?", "code": "final", "outcomes": "Argentina\nFrance\nAny other"},
    {
        **EVENT, "event_kind": "binary", "title": "Does the final go to penalties?", "series": "pens",
        "code": "pens", "outcomes": "",
    },
    {
        **EVENT, "event_kind": "binary", "title": "Is the final drawn after ninety minutes?", "series": "level",
        "code": "level", "outcomes": "",
    },
)  # fmt: skip
PEOPLE = ("desk@event.example", "phone@event.example", "winner@event.example")
FAIR = {"ARGENTINA": 50, "FRANCE": 30, "ANYOTHER": 20, "PENS": 25, "LEVEL": 30}


def main() -> dict[str, Any]:
    """Make everything."""
    deployer = ensure_person("events@test.example", None)
    ensure_stake(deployer, "Event Hall")
    plan = VenuePlan("hall", "Event Hall", "#e8590c", "A venue of events.", EVENTS)
    venue = ensure_venue(deployer, plan)
    usd = asset_by_symbol("USD")
    users = [ensure_person(email, None) for email in ("event-maker@test.example", *PEOPLE)]
    accounts = [ensure_trading_account(user, venue) for user in users]
    for user in users:
        claim_from_faucet(user, "USD", 1)
        claim_from_faucet(user, "OKB", 1)
    deposit_all(
        (user, venue, account.number, usd, to_units("5000", usd))
        for user, account in zip(users, accounts, strict=True)
    )
    events = list(Event.objects.filter(venue=venue).order_by("pk"))
    for event in events:
        for market in event.markets.select_related("venue", "quote", "base", "event"):
            fair = FAIR[market.symbol.rsplit("-", 1)[1]]
            for step in (1, 2, 3):
                for side, cents in (("buy", fair - step), ("sell", fair + step)):
                    draft = OrderDraft(side, Decimal(100 * step), price=Decimal(cents) / 100)
                    place_order(accounts[0], market, draft)
    sessions = [session_of(user) for user in users[1:]]
    return {"venue": venue.slug, "events": [event.code for event in events], "sessions": sessions}


def settle(code: str, outcome: int) -> None:
    """That outcome won, and nobody challenged it."""
    event = Event.objects.select_related("venue__deployer__user").get(code=code, venue__slug="hall")
    deployer = event.venue.deployer.user
    propose_result(deployer, event, {outcome: PPM}, "https://example.com/cup shows it")
    over = timezone.now() - timedelta(seconds=event.window_seconds + 1)
    Event.objects.filter(pk=event.pk).update(proposed=over)
    follow_events()


def propose(code: str, outcome: int) -> None:
    """The deployer says that this outcome won."""
    event = Event.objects.select_related("venue__deployer__user").get(code=code, venue__slug="hall")
    propose_result(event.venue.deployer.user, event, {outcome: PPM}, "https://example.com/cup shows it")


def judge(code: str, outcome: int) -> None:
    """A panel finds that another outcome won."""
    dispute = Dispute.objects.get(event__code=code, event__venue__slug="hall")
    words = "The record of the match shows the score."
    decide(dispute, Verdict.OVERTURN, by=None, words=words, payouts={outcome: PPM})


if __name__ == "__main__":
    if sys.argv[1:2] == ["propose"]:
        propose(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["judge"]:
        judge(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["settle"]:
        settle(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(main()))
