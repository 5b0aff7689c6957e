"""A risk group that goes bankrupt changes nothing of another: no state, no journal, no money.

What it may cost another is time on a shared core, and that is bounded rather than measured here: liquidation is metered
(decision 64), a drain reads the streams of all groups in one turn, and each group's batch is applied and committed by
itself. So a neighbour waits for one metered batch at most, however long the cascade; the flood in
`tests/engine/test_drain.py` shows it.
"""

import time

import exchange_kernel as kernel
import pytest
from django.contrib.auth import get_user_model

from exchange_os.engine import client
from exchange_os.engine.audit import audit_group
from exchange_os.engine.models import Bill, RiskGroup
from exchange_os.ledger.models import Asset, Entry, LedgerAccount, Transfer, TransferState
from exchange_os.ledger.selectors import to_units
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import wait_until
from tests.venues.conftest import draft_of, give
from tests.venues.test_contract_specs import PERPETUAL
from trading.okx.derivative_objects import liquidation_rows
from trading.selectors.catalogue import read_catalogue
from venues.models import Market, VenueState
from venues.services import drive_launch, launch_venue, register_deployer, stake, start_deposit
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db(transaction=True)
LONG, SHORT = 16, 17


def fund(user, venue, number, amount):
    """An account of the venue's kernel with money that came through the ledger."""
    usd = Asset.objects.get(symbol="USD")
    assert client.submit(venue.group_id, kernel.open_account(number, owner=number)).code == 0
    give(user, amount, "USD")
    sent = start_deposit(user, venue, number, usd, to_units(amount, usd))
    wait_until(lambda: Transfer.objects.get(pk=sent.pk).state == TransferState.SETTLED)


def place(venue, number, side, ticks, lots, market=0):
    frame = kernel.place(number, market, side=side, price_ticks=ticks, size_lots=lots)
    ack = client.submit(venue.group_id, frame)
    assert ack.code == 0, kernel.REJECTS[ack.code]


def picture(venue):
    """All that is kept of a group: its journal's head, the root of its state, its money with every entry of it."""
    group = RiskGroup.objects.get(pk=venue.group_id)
    escrow = LedgerAccount.objects.filter(kind__in=["escrow", "fees", "insurance"], owner_id=venue.group_id)
    entries = Entry.objects.filter(account__in=escrow).order_by("pk").values_list("pk", "amount")
    return (
        group.head_sequence,
        bytes(group.head_hash),
        audit_group(venue.group_id).root,
        sorted(escrow.values_list("kind", "asset_id", "balance")),
        list(entries),
        client.query(venue.group_id, {"q": "account", "account": LONG}),
    )


@pytest.fixture
def doomed(local_worker, db):
    """A venue with a perpetual, of a deployer of its own."""
    user = get_user_model().objects.create_user("doomed", "doomed@example.com")
    register_deployer(user, "Doomed Labs")
    give(user, "1000", "OKB")
    stake(user, 1000 * 10**8)
    made = launch_venue(user, draft_of(user, {"name": "Doomed", "slug": "doomed"}, PERPETUAL))
    assert drive_launch(made.pk) == VenueState.OPEN
    made.refresh_from_db()
    return made


def index(venue, dollars):
    """Three sources say the same now; answers the mark in ticks."""
    ticks = dollars * 650_000 // 65_000
    now = time.time_ns() // 1_000_000
    frame = kernel.observe_prices([(kernel.PRICE_INDEX, 0, source, ticks, now) for source in (1, 2, 3)])
    assert client.submit(venue.group_id, frame, urgent=True).code == 0
    return client.query(venue.group_id, {"q": "market", "market": 0})["market"]["mark_ticks"]


def test_a_cascade_to_deleveraging_leaves_the_neighbour_as_it_was(venue, doomed, deployer, trader):
    fund(deployer, venue, LONG, "1000")
    place(venue, LONG, kernel.BUY, 6_400_000, 10)
    rules = Market.objects.get(venue=doomed)
    quick = kernel.set_price_rules(rules.number, step_ppm=50_000, interval_ms=1_000)
    assert client.submit(doomed.group_id, quick).code == 0
    fund(trader, doomed, LONG, "6000")
    fund(deployer, doomed, SHORT, "200000")
    index(doomed, 65_000)
    place(doomed, SHORT, kernel.SELL, 650_000, 700)
    assert client.submit(doomed.group_id, kernel.set_leverage(LONG, 0, leverage=20)).code == 0
    place(doomed, LONG, kernel.BUY, 650_000, 700)
    before = picture(venue)
    wait_until(lambda: index(doomed, 50_000) <= 520_000, seconds=40)
    adl = Bill.objects.filter(group_id=doomed.group_id, kind=kernel.BILL_KINDS["adl"])
    wait_until(lambda: adl.filter(account=SHORT).exists())
    ruined = client.query(doomed.group_id, {"q": "account", "account": LONG})
    assert not any(row["lots"] for row in ruined.get("positions", ()))
    steps = client.query(doomed.group_id, {"q": "liquidations"})["liquidations"]
    assert "adl" in {step["stage_name"] for step in steps}, steps
    catalogue = read_catalogue("doomed")
    assert catalogue is not None
    told = liquidation_rows(catalogue.by_number, steps, "SWAP")
    assert {row["instId"] for row in told.values()} == {rules.symbol}
    details = [row["details"][0] for row in told.values()]
    assert sum(int(each["sz"]) for each in details) == 700  # every contract once, whoever took it over
    assert {(each["side"], each["posSide"]) for each in details} == {("sell", "long")}
    assert all(float(each["bkPx"]) > 0 for each in details)
    assert picture(venue) == before
    assert audit_group(doomed.group_id).problems == []
    report = check_ledger(kernel_totals)
    assert report.sound, report.faults
