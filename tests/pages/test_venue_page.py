"""The public page of a venue, section by section, and its public reports in every state."""

import re
from dataclasses import replace
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill, Incident
from exchange_os.oracles.models import OracleAlarm, PriceSource
from trading.pages.reports import REPORTS, opaque
from trading.pages.venue_page import age_text, deviation_text, fee_rows
from trading.selectors.overview import venue_listings
from trading.selectors.reports import PAGE_SIZE, bills_of
from venues.models import Event, EventMove, EventState, Market, MarketKind, Venue


def words(client: Client, address: str, section: str = "") -> str:
    """The text of a page, or of its section with that id, with single spaces."""
    answer = client.get(address)
    assert answer.status_code == 200
    page = answer.content.decode()
    if section:
        page = re.split(rf'<section [^>]*id="{section}"[^>]*>', page)[1].split("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def bill(venue: Venue, kind: str, sequence: int, bill_no: int = 0, **more: int) -> Bill:
    """A bill of the venue's first market."""
    given = {
        "account": 16, "market": 0, "lots": -3, "price_ticks": 130_000, "amount": -2_500_000, "fee": 0,
        "cash_after": 0, "extra": 1, "time_ms": int(timezone.now().timestamp() * 1000),
    } | more  # fmt: skip
    return Bill.objects.create(
        group_id=venue.group_id, sequence=sequence, bill_no=bill_no, kind=BILL_KINDS[kind], **given
    )


def test_a_spot_venue_says_what_stands_behind_it_and_what_it_costs(client: Client, market: Market) -> None:
    page = "/v/acme/"
    assert "Spot trades are paid in full, so they use none of it." in words(client, page, "bond")
    assert words(client, page, "access").startswith("Access Open Anyone may trade. Nothing is asked.")
    assert "0.02% / 0.05% 0.2 USD 0.5 USD 0.45 USD 0.05 USD" in words(client, page, "fees")
    assert "The protocol gets 10% of every fee" in words(client, page, "fees")
    assert "No price from outside" in words(client, page, "oracle")
    assert "Spot : you pay in full" in words(client, page, "rules")
    assert "Perpetuals" not in words(client, page, "rules")
    assert "Slashes of the bond None so far Incidents None so far" in words(client, page, "record")
    assert 'fill="#7048e8"' in client.get(page).content.decode()


def test_incidents_are_told_by_kind_and_state_and_not_in_their_own_words(
    client: Client, venue: Venue
) -> None:
    Incident.objects.create(group_id=venue.group_id, kind="halt", message="secret path", resolved=True)
    Incident.objects.create(group_id=venue.group_id, kind="clock", message="secret step")
    Incident.objects.create(group_id=venue.group_id + 1, kind="journal", message="of another")
    record = words(client, "/v/acme/", "record")
    assert record.index("Clock stepped") < record.index("Not resolved yet") < record.index("Group halted")
    assert "UTC Resolved" in record
    assert "secret" not in record
    assert "Journal" not in record


def test_a_venue_that_does_not_answer_still_has_its_page_and_its_alarms(
    client: Client, market: Market
) -> None:
    Market.objects.filter(pk=market.pk).update(kind=MarketKind.PERPETUAL, contract_value="0.01", lot_size="1")
    source = PriceSource.objects.create(
        group_id=market.venue.group_id, market=0, number=0, name="Local", kind="push"
    )
    OracleAlarm.objects.create(group_id=market.venue.group_id, market=0, source=source, code="source_stale")
    oracle = words(client, "/v/acme/", "oracle")
    assert "BTC-USD The source says nothing new" in oracle
    assert "Prices could not be read" in oracle
    assert "Open interest The venue does not answer right now" in words(client, "/v/acme/", "bond")


def test_a_perpetual_without_a_source_is_not_said_to_need_none(client: Client, market: Market) -> None:
    Market.objects.filter(pk=market.pk).update(kind=MarketKind.PERPETUAL, contract_value="0.01", lot_size="1")
    oracle = words(client, "/v/acme/", "oracle")
    assert "No source has been named yet" in oracle
    assert "Nothing here depends" not in oracle


def test_fees_of_an_outcome_are_those_at_even_chances(market: Market) -> None:
    (row,) = venue_listings(market.venue, 0)
    row.market.kind = MarketKind.OUTCOME
    (fee,) = fee_rows([replace(row)], 100_000)
    assert (fee["maker"], fee["taker"], fee["venue"], fee["protocol"]) == ("0.1", "0.25", "0.225", "0.025")


def test_ages_and_deviations_in_words() -> None:
    assert [age_text(then, 200_000_000) for then in (0, 199_999_000, 199_880_000, 192_000_000, 10_000_000)] == [
        "–", "1 s ago", "2 min ago", "2 h ago", "2 d ago",
    ]  # fmt: skip
    assert [deviation_text(*pair) for pair in ((1_010, 1_000), (995, 1_000), (0, 5), (5, 0))] == [
        "+1.000%", "-0.500%", "–", "–",
    ]  # fmt: skip


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_report_without_rows_says_so(client: Client, market: Market, name: str) -> None:
    assert REPORTS[name].empty in words(client, f"/v/acme/reports/{name}/")
    assert REPORTS[name].lead in words(client, "/v/acme/reports/")
    assert "Nothing older" in words(client, f"/v/acme/reports/{name}/?before=5-0")
    assert REPORTS[name].empty in words(client, f"/v/acme/reports/{name}/?before=9x-'")


@pytest.mark.parametrize(
    "address", ["/v/acme/reports/nothing/", "/v/nowhere/reports/", "/v/nowhere/reports/funding/"]
)
def test_no_such_report(client: Client, market: Market, address: str) -> None:
    assert client.get(address).status_code == 404


def test_deleveraging_names_ranks_prices_and_opaque_accounts(client: Client, market: Market) -> None:
    for rank, (account, lots) in enumerate(((16, -3), (17, -2)), 1):
        bill(market.venue, "adl", 9, rank - 1, account=account, lots=lots, extra=rank)
    bill(market.venue, "liquidation", 9, 2)
    text = words(client, "/v/acme/reports/deleveraging/")
    first, second = (opaque(market.venue.group_id, account) for account in (16, 17))
    assert f"BTC-USD 2 {second} Long 2 65,000 5 -2.5 USD" in text
    assert f"BTC-USD 1 {first} Long 3 65,000 3 -2.5 USD" in text
    assert first != second != opaque(market.venue.group_id + 1, 17)


def test_insurance_movements_are_of_any_market_or_none(client: Client, market: Market) -> None:
    bill(market.venue, "insurance", 4, market=0, amount=1_500_000, extra=7_000_000, account=3)
    Market.objects.filter(pk=market.pk).update(kind=MarketKind.PERPETUAL, contract_value="0.01", lot_size="1")
    bill(market.venue, "insurance", 5, market=-1, amount=-2_000_000, extra=5_000_000, account=3)
    text = words(client, "/v/acme/reports/insurance/")
    assert "– -2 USD 5 USD" in text
    assert "BTC-USD 1.5 USD 7 USD" in text
    assert "The venue does not answer right now. The history below is complete." in text


def test_funding_and_liquidations_show_their_side(client: Client, market: Market) -> None:
    bill(market.venue, "funding", 2, lots=-3)
    bill(market.venue, "liquidation", 3, lots=4, fee=250_000)
    account = opaque(market.venue.group_id, 16)
    assert f"{account} Short 3 65,000 -2.5 USD" in words(client, "/v/acme/reports/funding/")
    assert f"{account} Short 4 65,000 -2.5 USD 0.25 USD" in words(client, "/v/acme/reports/liquidations/")


def test_pages_of_a_report_hold_every_bill_once(client: Client, market: Market) -> None:
    for at in range(PAGE_SIZE + 7):
        bill(market.venue, "funding", 1 + at // 3, at % 3, market=0, account=16 + at)
    bill(market.venue, "insurance", 1, 3)
    first, following = bills_of(market.venue.group_id, [0], "funding")
    assert following is not None
    second, end = bills_of(market.venue.group_id, [0], "funding", following)
    assert ([row.account for row in first + second], end) == ([72 - at for at in range(PAGE_SIZE + 7)], None)
    page = client.get("/v/acme/reports/funding/").content.decode()
    assert f"?before={following[0]}-{following[1]}" in page
    assert (
        client.get(f"/v/acme/reports/funding/?before={following[0]}-{following[1]}").content.count(b"<time")
        == 7
    )


def test_a_cut_deleveraging_counts_what_the_next_page_holds(client: Client, market: Market) -> None:
    for rank in range(1, PAGE_SIZE + 3):
        bill(market.venue, "adl", 9, rank - 1, account=16 + rank, lots=-1, extra=rank)
    rows = client.get("/v/acme/reports/deleveraging/").context["rows"]
    assert [(row["extra"], row["taken"]) for row in (rows[0], rows[-1])] == [(52, 52), (3, 3)]


def test_disputes_are_told_with_what_became_of_them(client: Client, market: Market) -> None:
    event = Event.objects.create(
        venue=market.venue, number=0, kind="binary", series="CUP", code="FINAL", title="Does Spain win?", rules="R",
        source="S", settlement_asset=market.quote, closes=timezone.now(), state=EventState.RESOLVED,
    )  # fmt: skip
    EventMove.objects.create(event=event, state=EventState.PROPOSED, words="Spain won")
    EventMove.objects.create(event=event, state=EventState.DISPUTED, words="<b>It was a draw</b>")
    text = words(client, "/v/acme/reports/disputes/")
    assert "Does Spain win? <b>It was a draw</b> Resolved" in text
    assert "Spain won" not in text
