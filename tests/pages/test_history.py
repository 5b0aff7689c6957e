"""History over all venues: merged, narrowed, paged without loss, and exported as it is shown."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill, RiskGroup
from exchange_os.ledger.models import Asset, Transfer
from tests.pages.packing import store_fills
from trading.models import Export, TradingAccount
from trading.selectors.history import Filter, Tab, every_row, history_page, place_of, sources
from trading.services.exports import write_export
from venues.models import Market, Venue, VenueState

pytestmark = pytest.mark.django_db
PATH = "/account/history/"
NOON = int(datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000


@pytest.fixture
def accounts(market: Market, trader) -> list[TradingAccount]:
    """An account at each of two venues that list the same market."""
    first = market.venue
    second = Venue.objects.create(
        slug="bolt", name="Bolt", deployer=first.deployer, group_id=RiskGroup.objects.create().pk,
        state=VenueState.OPEN, accent="#7048e8", description="", maker_fee_ppm=200, taker_fee_ppm=500,
        protocol_share_ppm=100_000,
    )  # fmt: skip
    Market.objects.create(
        **{
            field.attname: getattr(market, field.attname)
            for field in Market._meta.concrete_fields
            if field.name not in ("id", "venue")
        },
        venue=second,
    )
    return [
        TradingAccount.objects.create(user=trader, venue=venue, number=16, opened_at=timezone.now())
        for venue in (first, second)
    ]


def bill(
    account: TradingAccount, sequence: int, kind: str, time_ms: int, number: int = 0, market: int = 0
) -> None:
    Bill.objects.create(
        group_id=account.venue.group_id, sequence=sequence, bill_no=number, account=account.number, market=market,
        kind=BILL_KINDS[kind], lots=-5, price_ticks=130_000, amount=-2_500_000, fee=1, cash_after=0, extra=0,
        time_ms=time_ms,
    )  # fmt: skip


def cells(answer) -> list[list[str]]:
    """Texts of the table's rows."""
    rows = re.findall(r"<tr>(.*?)</tr>", answer.content.decode().split("</thead>")[-1], re.S)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.S)]
        for row in rows
    ]


def test_fills_of_two_venues_are_one_list(client: Client, accounts, trader) -> None:
    for number, account in enumerate(accounts):
        store_fills(
            account.venue.group_id,
            16,
            [{"trade_id": each, "time_ms": NOON + each * 1000 + number} for each in (1, 2)],
        )
    client.force_login(trader)
    rows = cells(client.get(PATH, {"tab": "fills"}))
    assert [(row[0], row[1]) for row in rows] == [
        ("31 Mar 2026 12:00:02", "Bolt"), ("31 Mar 2026 12:00:02", "Acme Markets"),
        ("31 Mar 2026 12:00:01", "Bolt"), ("31 Mar 2026 12:00:01", "Acme Markets"),
    ]  # fmt: skip
    assert rows[0][2:] == [
        "BTC-USD Bolt", "▲ Buy", "taker", "65,000.0", "0.0003 BTC", "19.5 USD", "0.00975 USD",
    ]  # fmt: skip
    only = cells(client.get(PATH, {"tab": "fills", "venue": "bolt", "kind": "buy", "market": "btc-usd"}))
    assert [row[1] for row in only] == ["Bolt", "Bolt"]
    assert cells(client.get(PATH, {"tab": "fills", "kind": "sell"})) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_of_any_size_lose_and_double_nothing(accounts, trader, limit: int) -> None:
    # Equal times at both venues, a trade with oneself, and a command with three bills.
    for account in accounts:
        fills = [{"trade_id": each, "time_ms": NOON + each // 3} for each in range(1, 10)]
        fills += [{"trade_id": 10, "role": role, "time_ms": NOON + 3} for role in (0, 1)]
        store_fills(account.venue.group_id, 16, fills)
        for number in range(3):
            bill(account, 7, "liquidation", NOON, number)
        bill(account, 9, "adl", NOON)
    for index in range(6):
        Transfer.objects.create(
            direction="deposit", state="settled", user=trader, group_id=accounts[index % 2].venue.group_id,
            account=16, asset=Asset.objects.get(symbol="USD"), amount=1 + index, issued_ms=NOON - index // 3,
        )  # fmt: skip
    own = sources(trader.pk)
    for tab, count in ((Tab.FILLS, 22), (Tab.LIQUIDATIONS, 8), (Tab.TRANSFERS, 6)):
        whole, end = history_page(tab, Filter(), own, limit=500)
        places = [row.place for row in whole]
        assert (len(set(places)), end) == (count, None)
        assert places == sorted(places, reverse=True)
        assert [row.place for row in every_row(tab, Filter(), own, limit)] == places


def test_days_are_inclusive_and_bad_ones_get_a_sentence(client: Client, accounts, trader) -> None:
    for sequence, time_ms in enumerate(
        (NOON - DAY_MS, NOON - DAY_MS // 2, NOON + DAY_MS // 2 - 1, NOON + DAY_MS // 2)
    ):
        bill(accounts[0], sequence, "funding", time_ms)
    client.force_login(trader)
    shown = cells(client.get(PATH, {"tab": "funding", "from": "2026-03-31", "to": "2026-03-31"}))
    assert [row[0] for row in shown] == ["31 Mar 2026 23:59:59", "31 Mar 2026 00:00:00"]
    assert shown[0][2:] == [
        "BTC-USD Acme Markets",
        "Funding",
        "-0.0005",
        "65,000.0",
        "-2.5 USD",
        "0.000001 USD",
    ]
    for form, sentence in (
        ({"from": "2026-02-30"}, "Enter a day that exists, such as 2026-03-31."),
        ({"to": "yesterday"}, "Enter a day that exists, such as 2026-03-31."),
        ({"from": "2026-04-01", "to": "2026-03-31"}, "The last day is before the first; exchange them."),
        ({"venue": "nowhere"}, "You have no account at this venue; choose one of the list."),
        ({"market": "DOGE"}, "No venue of yours has a market DOGE; write it as BTC-USD."),
        ({"kind": "adl"}, "This list has no such kind; choose one of the list."),
    ):
        for answer in (
            client.get(PATH, {"tab": "funding", **form}),
            client.post(PATH, {"tab": "funding", **form}),
        ):
            assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert Export.objects.count() == 0


def test_older_rows_by_link_and_by_htmx(client: Client, accounts, trader) -> None:
    for sequence in range(60):
        bill(accounts[0], sequence, "settlement", NOON + sequence)
    client.force_login(trader)
    first = client.get(PATH, {"tab": "settlements"})
    assert len(cells(first)) == 50
    (cursor,) = re.findall(r'href="\?tab=settlements&amp;before=([0-9-]+)"', first.content.decode())
    assert place_of(cursor) == (NOON + 10, accounts[0].pk, 10, 0)
    page = client.get(PATH, {"tab": "settlements", "before": cursor})
    part = client.get(PATH, {"tab": "settlements", "before": cursor}, headers={"HX-Request": "true"})
    assert (len(cells(page)), "<html" in page.content.decode()) == (10, True)
    assert (part.content.decode().count("<tr>"), "<html" in part.content.decode()) == (10, False)
    for bad in ("x", "1-2", "9" * 40, "1-2-3--4"):
        assert len(cells(client.get(PATH, {"tab": "settlements", "before": bad}))) == 50


def test_history_is_ones_own_and_empty_at_first(client: Client, accounts, trader) -> None:
    bill(accounts[0], 1, "funding", NOON)
    assert client.get(PATH)["Location"] == f"/accounts/login/?next={PATH}"
    client.force_login(accounts[0].venue.deployer.user)
    for tab in Tab.values:
        answer = client.get(PATH, {"tab": tab})
        assert (answer.status_code, "Nothing yet" in answer.content.decode()) == (200, True)
    assert "Nothing matches" in client.get(PATH, {"tab": "fills", "from": "2026-03-31"}).content.decode()


def exported(client: Client, form: dict[str, str]) -> list[list[str]]:
    """Lines of the export of what a form shows."""
    assert client.post(PATH, form)["Location"] == "/account/exports/"
    export = Export.objects.latest("pk")
    assert write_export(export.pk)
    answer = client.get(f"/account/exports/{export.pk}/")
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_an_export_holds_what_the_page_shows(client: Client, accounts, trader) -> None:
    for account in accounts:
        bill(account, 1, "liquidation", NOON)
        bill(account, 2, "adl", NOON)
        bill(account, 3, "adl", NOON + DAY_MS)
    Transfer.objects.create(
        direction="withdraw", state="refused", user=trader, group_id=accounts[0].venue.group_id, account=16,
        asset=Asset.objects.get(symbol="USD"), amount=1_500_000, issued_ms=NOON,
    )  # fmt: skip
    client.force_login(trader)
    form = {"tab": "liquidations", "venue": "bolt", "kind": "adl", "to": "2026-03-31"}
    assert [row[1:4] for row in cells(client.get(PATH, form))] == [
        ["Bolt", "BTC-USD Bolt", "Auto-deleveraging"]
    ]
    assert exported(client, form)[1:] == [
        [
            "2026-03-31T12:00:00.000+00:00",
            "Bolt",
            "BTC-USD",
            "adl",
            "-0.0005",
            "65000",
            "-2.5",
            "0.000001",
            "USD",
        ]
    ]
    (line,) = exported(client, {"tab": "transfers"})[1:]
    assert (line[1], line[3:]) == ("Acme Markets", ["withdraw", "1.5", "USD", "refused"])
    assert cells(client.get(PATH, {"tab": "transfers"}))[0][3:] == ["Venue to wallet", "1.5 USD", "Refused"]


def test_fills_past_a_page_and_of_a_market_no_longer_listed(client: Client, accounts, trader) -> None:
    account, usd = accounts[0], Asset.objects.get(symbol="USD")
    count = 4_500
    for start in range(1, count + 1, 20):
        store_fills(
            account.venue.group_id, 16,
            [{"trade_id": each, "time_ms": NOON + each} for each in range(start, start + 20)],
        )  # fmt: skip
    odd = {"trade_id": count + 1, "time_ms": NOON + count + 1, "market": 5, "fee_asset": usd.pk}
    store_fills(account.venue.group_id, 16, [odd])
    client.force_login(trader)
    lines = exported(client, {"tab": "fills"})[1:]
    assert [int(line[3]) for line in lines] == list(range(count + 1, 0, -1))
    assert lines[0][2:] == [
        "market 5", str(count + 1), "1", "buy", "taker", "130000 ticks", "3 lots", "19.5", "0.00975", "USD",
    ]  # fmt: skip
    assert lines[1][2:] == [
        "BTC-USD",
        str(count),
        "1",
        "buy",
        "taker",
        "65000",
        "0.0003",
        "19.5",
        "0.00975",
        "USD",
    ]
    shown = cells(client.get(PATH, {"tab": "fills", "market": "market 5"}))
    assert [row[2:8] for row in shown] == [
        ["market 5 Acme Markets", "▲ Buy", "taker", "130000 ticks", "3 lots", "19.5 USD"]
    ]
