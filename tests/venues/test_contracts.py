"""Perpetuals listed by their deployer, from the form to the kernel, and the stake that bounds them."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import exchange_kernel as kernel
import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import stake_balance, to_units
from exchange_os.ledger.services import add_stake
from exchange_os.ledger.services.slashing import slash
from exchange_os.oracles.models import PriceSource
from exchange_os.oracles.services.observing import observe_group
from governance.models import Case
from governance.services.cases import draft_case
from governance.services.slashing import finish_slash, unfinished_slashes
from tests.engine.conftest import LocalWorker, wait_until
from tests.venues.conftest import BTC_USD, draft_of, give
from tests.venues.test_contract_specs import PERPETUAL
from venues.contract_specs import perpetual_spec
from venues.models import Market, MarketKind, Phase, Venue, VenueState
from venues.services import (
    add_market,
    drive_launch,
    halt_market,
    launch_venue,
    resume_market,
    resume_venue,
    start_deposit,
    unbond_stake,
)
from venues.services.capacity import tell_capacities

pytestmark = pytest.mark.django_db(transaction=True)


def kernel_market(venue: Venue, number: int) -> dict[str, Any]:
    """A market as the kernel has it."""
    return client.query(venue.group_id, {"q": "market", "market": number})["market"]


def capacity(venue: Venue) -> int:
    """The bound the kernel knows."""
    return int(client.query(venue.group_id, {"q": "capacity"})["capacity"])


def test_a_perpetual_is_added_to_a_running_venue(deployer: AbstractBaseUser, venue: Venue) -> None:
    (market,) = add_market(deployer, venue, perpetual_spec(PERPETUAL))
    assert drive_launch(venue.pk) == VenueState.OPEN
    market.refresh_from_db()
    assert (market.symbol, market.kind, market.phase) == ("BTC-USD-SWAP", MarketKind.PERPETUAL, Phase.OPEN)
    known = kernel_market(venue, market.number)
    assert (known["kind"], known["tick_quote"], known["phase"], known["reference_ticks"]) == (
        1,
        100,
        2,
        650_000,
    )
    assert known["tiers"] == [list(tier) for tier in perpetual_spec(PERPETUAL).tiers]
    assert known["max_leverage"] == 20
    sources = PriceSource.objects.filter(group_id=venue.group_id, market=market.number)
    assert list(sources.values_list("number", "kind")) == [(1, "push"), (2, "pyth")]


def test_a_perpetual_may_follow_a_spot_market_of_the_platform(
    deployer: AbstractBaseUser, venue: Venue
) -> None:
    add_market(deployer, venue, perpetual_spec({**PERPETUAL, "sources": "market north/BTC-USD"}))
    source = PriceSource.objects.get(group_id=venue.group_id)
    assert source.config == {"group": venue.group_id, "market": 0, "tick_size": "0.01", "price": "mid"}


def test_a_venue_may_begin_with_a_perpetual(
    clean_redis: None, local_worker: LocalWorker, deployer: AbstractBaseUser
) -> None:
    made = launch_venue(deployer, draft_of(deployer, {"name": "Perps", "slug": "perps"}, PERPETUAL, BTC_USD))
    drive_launch(made.pk)
    made.refresh_from_db()
    assert made.state == VenueState.OPEN, made.launch_error
    assert [m.symbol for m in Market.objects.filter(venue=made)] == ["BTC-USD-SWAP", "BTC-USD"]
    assert drive_launch(made.pk) == VenueState.OPEN, "driving again does nothing"


def test_the_stake_bounds_open_interest_and_follows_it(deployer: AbstractBaseUser, venue: Venue) -> None:
    assert tell_capacities() == 0, "spot needs no capacity"
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    # 1,500 OKB at 48 USD, ten times.
    assert capacity(venue) == 720_000_000_000
    assert (tell_capacities(), tell_capacities()) == (1, 0)
    okb = Asset.objects.get(symbol="OKB")
    unbond_stake(deployer, to_units("250", okb))
    assert tell_capacities() == 1
    assert capacity(venue) == 600_000_000_000
    venue.refresh_from_db()
    assert venue.capacity_units == 600_000_000_000


def test_the_stake_is_shared_by_a_deployers_venues(
    deployer: AbstractBaseUser, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    tell_capacities()
    Venue.objects.create(
        slug="second", name="Second", deployer=venue.deployer, group_id=999_999, state="open"
    )
    assert tell_capacities() == 1
    assert capacity(venue) == 360_000_000_000


def test_the_same_perpetual_is_listed_once(deployer: AbstractBaseUser, venue: Venue) -> None:
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    with pytest.raises(DomainError) as refused:
        add_market(deployer, venue, perpetual_spec(PERPETUAL))
    assert refused.value.code == "symbol_taken"


def test_the_page_offers_every_kind(
    signed_in: Callable[[AbstractBaseUser], Client], deployer: AbstractBaseUser, venue: Venue
) -> None:
    visitor = signed_in(deployer)
    address = f"/deployer/venues/{venue.pk}/markets/new/"
    assert "Highest leverage" in visitor.get(f"{address}?kind=swap").content.decode()
    assert "Hours to challenge" in visitor.get(f"{address}?kind=outcome").content.decode()
    refused = visitor.post(address, {**PERPETUAL, "sources": ""})
    assert refused.status_code == 422
    assert "Name at least one price source" in refused.content.decode()
    assert visitor.post(address, PERPETUAL).status_code == 302
    assert Market.objects.filter(venue=venue, symbol="BTC-USD-SWAP").exists()


def test_the_wizard_takes_a_perpetual_to_review(
    signed_in: Callable[[AbstractBaseUser], Client], deployer: AbstractBaseUser
) -> None:
    draft = draft_of(
        deployer,
        {"name": "Perps", "slug": "perps"},
        {**PERPETUAL, "max_leverage": "10"},
    )
    page = signed_in(deployer).get(f"/launch/{draft.pk}/review/").content.decode()
    assert "BTC-USD-SWAP" in page
    assert "up to 10x" in page
    cards = signed_in(deployer).get(f"/launch/{draft.pk}/markets/").content.decode()
    assert 'name="market-0-kind" value="swap"' in cards


def test_a_market_is_listed_from_a_file(venue: Venue, tmp_path: Any) -> None:
    file = tmp_path / "market.json"
    file.write_text(json.dumps(PERPETUAL))
    out = StringIO()
    call_command("list_market", str(file), venue=venue.slug, stdout=out)
    assert json.loads(out.getvalue()) == ["BTC-USD-SWAP"]
    with pytest.raises(CommandError, match="This venue already has a market BTC-USD-SWAP"):
        call_command("list_market", str(file), venue=venue.slug)
    file.write_text("[]")
    with pytest.raises(CommandError, match="not one JSON object"):
        call_command("list_market", str(file), venue=venue.slug)


def test_one_market_is_halted_and_resumed(
    signed_in: Callable[[AbstractBaseUser], Client],
    deployer: AbstractBaseUser,
    trader: AbstractBaseUser,
    venue: Venue,
) -> None:
    add_market(deployer, venue, perpetual_spec(PERPETUAL))
    drive_launch(venue.pk)
    market = halt_market(deployer, venue, 1)
    assert (market.phase, kernel_market(venue, 1)["phase"]) == (Phase.HALTED, Phase.HALTED)
    assert kernel_market(venue, 0)["phase"] == Phase.OPEN
    with pytest.raises(DomainError) as refused:
        halt_market(deployer, venue, 1)
    assert refused.value.code == "market_move_refused"
    with pytest.raises(DomainError) as refused:
        resume_market(trader, venue, 1)
    assert refused.value.code == "venue_unknown"
    address = f"/deployer/venues/{venue.pk}/markets/1/resume/"
    assert signed_in(deployer).post(address).status_code == 302
    assert kernel_market(venue, 1)["phase"] == Phase.OPEN


def test_a_perpetual_trades_at_the_index_of_its_sources(
    deployer: AbstractBaseUser, trader: AbstractBaseUser, venue: Venue
) -> None:
    free = {"maker_fee_percent": "0", "taker_fee_percent": "0"}
    add_market(deployer, venue, perpetual_spec({**PERPETUAL, **free, "sources": "market north/BTC-USD"}))
    drive_launch(venue.pk)
    usd = Asset.objects.get(symbol="USD")
    for number, user in ((16, deployer), (17, trader)):
        client.submit(venue.group_id, kernel.open_account(number, owner=number))
        give(user, "10000", "USD")
        give(user, "1", "BTC")
        for asset, amount in ((usd, "10000"), (Asset.objects.get(symbol="BTC"), "1")):
            start_deposit(user, venue, number, asset, to_units(amount, asset))
    wait_until(lambda: not Transfer.objects.filter(state=TransferState.REQUESTED).exists())

    def place(account: int, market: int, side: int, ticks: int, lots: int) -> int:
        frame = kernel.place(account, market, side=side, price_ticks=ticks, size_lots=lots)
        return client.submit(venue.group_id, frame).code

    assert place(16, 0, kernel.BUY, 6_499_000, 10) == 0
    assert place(17, 0, kernel.SELL, 6_501_000, 10) == 0
    observe_group(venue.group_id)
    known = kernel_market(venue, 1)
    assert (known["index_ticks"], known["grade"]) == (650_000, "thin"), "one source is thin"
    # Ten contracts are worth 650 USD; a thin price asks margin in full.
    assert place(16, 1, kernel.SELL, 650_000, 10) == 0
    assert place(17, 1, kernel.BUY, 650_000, 10) == 0
    assert kernel.REJECTS[place(17, 1, kernel.BUY, 650_000, 1_000)][0] == "RISK_MARGIN"
    answer = client.query(venue.group_id, {"q": "account", "account": 17})
    assert [(p["market"], p["lots"]) for p in answer["positions"]] == [(1, 10)]
    assert client.query(venue.group_id, {"q": "capacity"})["open_interest"] == 650_000_000
    halted_when_a_slash_leaves_too_little(deployer, venue)


def halted_when_a_slash_leaves_too_little(deployer: AbstractBaseUser, venue: Venue) -> None:
    """650 USD of open interest need 1.36 OKB; the deployer resumes once the stake carries it again."""
    okb = Asset.objects.get(symbol="OKB")
    case = draft_case(
        None,
        venue,
        "false_settlement",
        timezone.now(),
        "It paid the wrong side",
        "The source says otherwise.",
    )
    for number, left in ((1, "1.4"), (2, "1.3")):
        amount = stake_balance(deployer.pk) - to_units(left, okb)
        slash(deployer.pk, amount, offence_at=timezone.now(), offence_id=f"act {number}", burn=amount)
        Case.objects.filter(pk=case.pk).update(halt_due=True)
        assert finish_slash(case.pk)
        venue.refresh_from_db()
        assert venue.state == (VenueState.OPEN if number == 1 else VenueState.HALTED)
    assert {kernel_market(venue, number)["phase"] for number in (0, 1)} == {Phase.HALTED}
    assert unfinished_slashes() == []
    with pytest.raises(DomainError, match=r"Add 0\.05416667 OKB, then resume\.") as refused:
        resume_venue(deployer, venue)
    assert (refused.value.code, refused.value.details["missing"]) == ("stake_short", 5_416_667)
    assert kernel_market(venue, 0)["phase"] == Phase.HALTED
    give(deployer, "1", "OKB")
    add_stake(deployer, to_units("0.06", okb))
    assert resume_venue(deployer, venue).state == VenueState.OPEN
    assert kernel_market(venue, 0)["phase"] == Phase.OPEN
