"""A venue as the database knows it, for pages; a whole private exchange and a browser, for the walks through them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from exchange_os.demo.stack import PROJECT, PrivateStack
from exchange_os.engine.models import Candle, RiskGroup
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import seed_assets
from tests.pages.screen import COUNT_SHIFTS, SIZES, Screen
from venues.models import Deployer, Market, Phase, Venue, VenueState

CHROMIUM = Path("/usr/bin/chromium")
MINUTE_MS = 60_000


@pytest.fixture
def trader(db: None):
    """Someone who signed up and has done nothing yet."""
    return get_user_model().objects.create_user("trader", "trader@example.com")


@pytest.fixture
def venue(db: None) -> Venue:
    """An open venue without markets."""
    seed_assets()
    owner = get_user_model().objects.create_user("deployer", "deployer@example.com")
    return Venue.objects.create(
        slug="acme",
        name="Acme Markets",
        deployer=Deployer.objects.create(user=owner, name="Acme Labs"),
        group_id=RiskGroup.objects.create().pk,
        state=VenueState.OPEN,
        accent="#7048e8",
        description="Everything in one book.",
        maker_fee_ppm=200,
        taker_fee_ppm=500,
        protocol_share_ppm=100_000,
    )


@pytest.fixture
def market(venue: Venue) -> Market:
    """BTC-USD of the venue: ticks of 0.5, lots of 0.0001."""
    base, quote = Asset.objects.get(symbol="BTC"), Asset.objects.get(symbol="USD")
    lot_units = 10**base.scale // 10_000
    return Market.objects.create(
        venue=venue,
        number=0,
        symbol="BTC-USD",
        base=base,
        quote=quote,
        tick_size="0.5",
        lot_size="0.0001",
        price_scale=1,
        size_scale=4,
        lot_units=lot_units,
        tick_quote=5 * 10**quote.scale // 100_000,
        reference_ticks=130_000,
        band_ppm=50_000,
        maker_fee_ppm=200,
        taker_fee_ppm=500,
        phase=Phase.OPEN,
    )


@pytest.fixture
def day(market: Market) -> list[Candle]:
    """Three hours of trading that began at 64,000 and ended at 65,000."""
    now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    closes = [128_500, 129_000, 130_000]
    opens = [128_000, *closes[:-1]]
    return Candle.objects.bulk_create(
        Candle(
            group_id=market.venue.group_id,
            market=0,
            minute_ms=now_ms - (len(closes) - rank) * 60 * MINUTE_MS,
            open=open_ticks,
            high=close_ticks + 10,
            low=open_ticks - 10,
            close=close_ticks,
            volume_lots=10_000,
            quote_volume=65_000 * 10**market.quote.scale,
            trades=7,
        )
        for rank, (open_ticks, close_ticks) in enumerate(zip(opens, closes, strict=True))
    )


@pytest.fixture(scope="package")
def stack() -> Iterator[PrivateStack]:
    """Database, broker, web server and workers of their own."""
    made = PrivateStack()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def set_stage(stack: PrivateStack, module: str) -> Any:
    """Run a module that sets a stage on the stack, in a process of its own; what it prints last, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module], cwd=PROJECT, env=stack.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{stack.complaints()}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="package")
def stage(stack: PrivateStack) -> dict[str, str]:
    """A venue with a resting book and a newcomer-to-be."""
    return set_stage(stack, "tests.pages.stage")


@pytest.fixture(scope="package")
def kyc(stack: PrivateStack) -> dict[str, Any]:
    """A regulated venue, its desk and an officer."""
    return set_stage(stack, "tests.pages.kyc_stage")


@pytest.fixture(scope="package")
def court(stack: PrivateStack) -> dict[str, Any]:
    """A committee, the venue of which somebody complains, and the case in draft."""
    return set_stage(stack, "tests.pages.governance_stage")


@pytest.fixture(scope="package")
def staff(stack: PrivateStack) -> list[str]:
    """Sessions of two members of staff who proved a second factor."""
    return set_stage(stack, "tests.operations.stage")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(params=list(SIZES))
def screen(
    request: pytest.FixtureRequest, chromium: Browser, stack: PrivateStack, stage: dict[str, str]
) -> Iterator[Screen]:
    """A fresh browser of one size, at the terminal of the stage's market."""
    context: BrowserContext = chromium.new_context(
        viewport=SIZES[request.param], has_touch=request.param == "phone", is_mobile=request.param == "phone"
    )
    context.set_default_timeout(20_000)
    context.add_init_script(COUNT_SHIFTS)
    expect.set_options(timeout=20_000)
    made = Screen(context.new_page(), request.param, stack.base_url, stage)
    made.open(made.terminal)
    yield made
    context.close()
    assert made.complaints == [], stack.complaints()
