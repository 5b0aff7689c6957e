"""Each detector finds a made history once, and nothing in a clean one. The journals are real, without an engine."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import exchange_kernel as xk
import pytest
from django.core.cache import cache
from django.test import Client

from exchange_os.engine.models import Bill, JournalBatch, RiskGroup
from exchange_os.engine.models import Incident as Outage
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer
from exchange_os.operations.selectors.watching import venue_incidents
from exchange_os.oracles.models import Observation, PriceSource
from exchange_os.transparency.selectors import journal_parts
from governance.models import Case, Incident
from governance.rules import __main__ as rules
from governance.services import incidents
from governance.services.evidence import Wanted, replay_evidence, run_rule
from governance.services.incidents import detect, draft_from_incident
from governance.tasks import sweep_incidents
from tests.governance import journals
from tests.governance.conftest import deployer, members, user_named, venue
from tests.governance.journals import GROUP, START_MS, Journal, observed, perpetual, question
from trading.models import TradingAccount
from venues.models import PPM, Event, EventMove, EventState, Market, MarketKind, Phase, Venue, VolumeDay

__all__ = ["deployer", "members", "venue"]

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime.fromtimestamp(START_MS // 1000, UTC)


@pytest.fixture(autouse=True)
def dollars(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journals' dollar is the one that the ledger lists."""
    monkeypatch.setattr(journals, "USD", Asset.objects.get(symbol="USD").pk)


def at(seconds: int) -> datetime:
    """So many seconds after the journal's start."""
    return START + timedelta(seconds=seconds)


def kept(venue: Venue, journal: Journal) -> None:
    """Put the journal where the engine keeps it, as the venue's."""
    previous = b""
    RiskGroup.objects.update_or_create(pk=GROUP, defaults={"head_sequence": journal.kernel.sequence})
    for link in journal.links:
        JournalBatch.objects.create(
            group_id=GROUP, first_sequence=link.first_sequence, last_sequence=link.last_sequence,
            epoch=link.epoch, now_ms=link.now_ms, commands=link.commands, previous_hash=previous,
            hash=link.hash, stream_cursor="0-0",
        )  # fmt: skip
        previous = link.hash
    Venue.objects.filter(pk=venue.pk).update(group_id=GROUP, created=START - timedelta(hours=1))
    venue.refresh_from_db()


def market_of(
    venue: Venue, kind: MarketKind, phase: Phase = Phase.OPEN, event: Event | None = None
) -> Market:
    """The row of market 0."""
    assets = {row.symbol: row for row in Asset.objects.all()}
    is_outcome = kind == MarketKind.OUTCOME
    return Market.objects.create(
        venue=venue, number=0, symbol="M0", kind=kind, base=None if is_outcome else assets["BTC"],
        quote=assets["USD"], tick_size="1", lot_size="1", price_scale=0, size_scale=0, lot_units=1, tick_quote=1,
        payout_ticks=100 if is_outcome else 0, event=event, reference_ticks=1_000, band_ppm=0, maker_fee_ppm=0,
        taker_fee_ppm=0, phase=phase,
    )  # fmt: skip


def event_of(venue: Venue, state: EventState, **more: object) -> Event:
    """The row of event 0, a question that closed ten seconds after the start."""
    return Event.objects.create(
        venue=venue, number=0, kind="binary", series="RAIN", code="RAIN", title="Does it rain?", rules="As said.",
        source="example.com/rain", settlement_asset=Asset.objects.get(symbol="USD"), closes=at(10), state=state,
        **more,
    )  # fmt: skip


def found_once(venue: Venue, now: datetime, rule: str) -> Incident:
    """The one incident there is, however often one looks."""
    made = detect(now)
    assert [each.rule for each in made] == [rule]
    assert detect(now) == []
    assert Incident.objects.count() == 1
    assert made[0].finding["found"] is True
    assert made[0].venue == venue
    return made[0]


def test_a_missed_deadline(venue: Venue, settings) -> None:
    settings.RESOLUTION_GRACE_SECONDS = 100
    journal = question()
    journal.batch(50, xk.close_event(0))
    journal.batch(400, xk.tick())
    kept(venue, journal)
    event_of(venue, EventState.CLOSED)
    assert detect(at(100)) == [], "in time still"
    made = found_once(venue, at(400), "deadline")
    assert (made.window, made.offence) == ("event 0", "missed_deadline")


def settled(venue: Venue, outcome: int) -> None:
    """Event 0 is Yes on record; the kernel paid ``outcome``."""
    journal = question()
    journal.batch(100, xk.resolve_event(0, [(outcome, 100)], is_final=True))
    journal.batch(101, xk.tick())
    kept(venue, journal)
    event = event_of(venue, EventState.RESOLVED, payouts={"0": PPM, "1": 0}, resolved=at(101))
    market_of(venue, MarketKind.OUTCOME, Phase.SETTLED, event)
    EventMove.objects.create(event=event, state=EventState.PROPOSED, source="example.com/rain/today")
    paid = 1_000 if outcome == 0 else 0
    for number, lots in ((16, -10), (17, 10)):
        Bill.objects.create(
            group_id=GROUP, account=number, sequence=20 + number, bill_no=0, time_ms=START_MS + 101_000, market=0,
            kind=xk.BILL_KINDS["settlement"], lots=lots, price_ticks=0, fee=0, cash_after=0, extra=0,
            amount=paid if lots > 0 else -paid,
        )  # fmt: skip


def test_a_settlement_against_its_record_becomes_a_case_by_one_click(
    venue: Venue, members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settled(venue, 1)
    now = at(200)
    made = found_once(venue, now, "settlement")
    assert made.finding["losses"] == {"17": 1_000}
    stranger = Client()
    stranger.force_login(user_named("stranger"))
    stranger.post(f"/governance/incidents/{made.pk}/draft/")
    assert Case.objects.count() == 0
    with pytest.raises(DomainError) as refused:
        draft_from_incident(made, user_named("passer-by"))
    assert refused.value.code == "not_a_member"
    page = Client().get("/governance/incidents/").content.decode()
    assert made.finding["sentence"] in page
    assert [each.pk for each in venue_incidents()] == [made.pk], "the operator sees it as well"
    replayed_by_the_command_on_the_page(unescape(page), made, tmp_path, capsys)
    ada = Client()
    ada.force_login(members[0].user)
    for _ in range(2):
        ada.post(f"/governance/incidents/{made.pk}/draft/")
    case = Case.objects.get()
    made.refresh_from_db()
    assert made.case == case
    evidence = case.decision.evidence.get()
    assert (case.offence, evidence.sha256, evidence.finding) == (
        "false_settlement",
        made.sha256,
        made.finding,
    )
    assert replay_evidence(evidence).same
    shown = unescape(Client().get(f"/governance/{case.pk}/").content.decode())
    assert f"python -m governance.rules group-{GROUP}.journal settlement " in shown
    assert venue_incidents() == []
    assert (
        f"/governance/{case.pk}/" in Client().get("/governance/incidents/?rule=settlement").content.decode()
    )


def replayed_by_the_command_on_the_page(
    page: str, made: Incident, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What anybody types: the journal is downloaded, the rule is run on the file, the finding is printed."""
    assert f"/transparency/groups/{made.group_id}/journal?until={made.last_sequence}" in page
    (typed,) = re.findall(r"python -m governance\.rules [^<]+", page)
    _, _, program, name, *arguments = shlex.split(typed)
    assert (program, name) == ("governance.rules", f"group-{made.group_id}.journal")
    (folder / name).write_bytes(b"".join(journal_parts(made.group_id, made.last_sequence)))
    assert rules.main([str(folder / name), *arguments]) == 0
    said = capsys.readouterr().out
    assert said.startswith(made.finding["sentence"])
    assert f"SHA-256 of the finding: {made.sha256}" in said


def heard(venue: Venue, *prices: tuple[int, int, int]) -> None:
    """Observations of market 0: (source, ticks, seconds)."""
    market_of(venue, MarketKind.PERPETUAL)
    for number in sorted({each[0] for each in prices}):
        PriceSource.objects.create(
            group_id=GROUP, market=0, number=number, name=f"S{number}", kind="push", tick_size="1"
        )
    for number, ticks, seconds in prices:
        Observation.objects.create(
            source=PriceSource.objects.get(group_id=GROUP, number=number), price=str(ticks), price_ticks=ticks,
            published_ms=START_MS + seconds * 1000, received_ms=START_MS + seconds * 1000,
        )  # fmt: skip


def test_a_source_away_from_all_others(venue: Venue) -> None:
    journal = perpetual()
    for second in (60, 70, 80):
        journal.batch(second, observed(1_001, 999, 880, seconds=second))
    kept(venue, journal)
    heard(venue, (1, 1_001, 80), (2, 999, 80), (3, 880, 80))
    made = found_once(venue, at(90), "oracle")
    assert (made.params["source"], made.finding["facts"]["beyond"]) == (3, 3)


def test_a_feed_that_fell_silent(venue: Venue) -> None:
    journal = perpetual()
    journal.batch(60, observed(1_000, 1_000, 1_000, seconds=60))
    journal.batch(1_200, xk.tick())
    kept(venue, journal)
    heard(venue, (1, 1_000, 60), (2, 1_000, 60), (3, 1_000, 60))
    assert detect(at(900)) == [], "not for long enough"
    made = found_once(venue, at(1_200), "stale")
    assert made.finding["facts"]["longest_ms"] == 1_140_000


def test_a_market_that_stands_halted(venue: Venue) -> None:
    journal = question()
    journal.batch(100, xk.set_phase(0, xk.PHASE_HALTED))
    journal.batch(5_000, xk.tick())
    kept(venue, journal)
    event = event_of(venue, EventState.OPEN)
    market_of(venue, MarketKind.OUTCOME, Phase.HALTED, event)
    made = found_once(venue, at(5_000), "downtime")
    assert made.finding["facts"]["halted_ms"] == 4_900_000


def test_a_halt_by_the_committee_is_no_incident(venue: Venue) -> None:
    journal = question()
    journal.batch(100, xk.set_phase(0, xk.PHASE_HALTED))
    journal.batch(5_000, xk.tick())
    kept(venue, journal)
    market_of(venue, MarketKind.OUTCOME, Phase.HALTED, event_of(venue, EventState.OPEN))
    Venue.objects.filter(pk=venue.pk).update(held_by_decision=1)
    assert detect(at(5_000)) == []


def test_a_venue_that_did_not_answer(venue: Venue, deployer) -> None:
    journal = question()
    issued = [4_000, 4_390]
    frames = [
        xk.deposit(16, journals.USD, 100, transfer_id=101 + at, issued_ms=START_MS + second * 1_000)
        for at, second in enumerate(issued)
    ]
    journal.batch(4_400, *frames)
    kept(venue, journal)
    for second in issued:
        made = Transfer.objects.create(
            direction="deposit", user=deployer, group_id=GROUP, account=16, asset_id=journals.USD, amount=100,
            issued_ms=START_MS + second * 1_000,
        )  # fmt: skip
        Transfer.objects.filter(pk=made.pk).update(created=at(second), state="settled", finished=at(4_400))
    assert detect(at(4_400 + 3_600)) == [], "not of this hour"
    made = found_once(venue, at(4_410), "unanswered")
    assert (made.offence, made.happened, made.finding["facts"]) == (
        "downtime", at(4_000), {"longest_ms": 400_000, "transfers": 1},
    )  # fmt: skip


def away_since(second: int) -> Outage:
    """The group has not answered since then, as samples of its stream say."""
    return Outage.objects.create(
        group_id=GROUP, kind="outage", message="Commands wait.", stream_entry=f"{START_MS + second * 1_000}-0"
    )


def test_an_outage_is_an_incident_while_it_lasts(venue: Venue, deployer) -> None:
    kept(venue, question())
    outage = away_since(1_000)
    assert detect(at(1_300)) == [], "not for long enough"
    made = found_once(venue, at(1_400), "silence")
    assert (made.offence, made.happened, made.finding["facts"]) == (
        "downtime", at(1_000), {"silent_ms": 400_000, "batches": 0},
    )  # fmt: skip
    assert "Lasts" in Client().get("/governance/incidents/").content.decode()
    issued = Transfer.objects.create(
        direction="deposit", user=deployer, group_id=GROUP, account=16, asset_id=journals.USD, amount=100,
        issued_ms=START_MS + 1_000_000,
    )  # fmt: skip
    Transfer.objects.filter(pk=issued.pk).update(created=at(1_000), state="settled", finished=at(1_500))
    Outage.objects.filter(pk=outage.pk).update(ended_at=at(1_500))
    assert detect(at(1_510)) == [], "the transfer that waited is no second incident"
    made.refresh_from_db()
    assert (made.ended, made.lasts) == (at(1_500), False)
    assert "Answered after" in Client().get("/governance/incidents/").content.decode()
    assert run_rule(GROUP, Wanted(made.rule, made.params, made.first_sequence, made.last_sequence)) == (
        made.finding, made.journal_hash,
    )  # fmt: skip


def test_a_group_whose_journal_moved_was_not_away(venue: Venue) -> None:
    journal = question()
    for second in range(1_000, 1_500, 100):
        journal.batch(second, xk.tick())
    kept(venue, journal)
    away_since(1_000)
    assert detect(at(1_500)) == []


def test_trades_of_the_deployers_own_account(venue: Venue, deployer) -> None:
    kept(venue, question())
    TradingAccount.objects.create(user=deployer, venue=venue, number=17, opened_at=START)
    VolumeDay.objects.create(group_id=GROUP, account=17, market=0, day=START.date(), volume=600)
    VolumeDay.objects.create(group_id=GROUP, account=16, market=0, day=START.date(), volume=600)
    made = found_once(venue, at(60), "self_dealing")
    assert (made.params["accounts"], made.finding["facts"]["trades"]) == ([17], 1)


def test_what_a_replay_did_not_bear_out_is_replayed_when_something_new_happened(
    venue: Venue, deployer, monkeypatch
) -> None:
    """By tables the deployer traded; the journal knows nothing of it."""
    cache.clear()
    kept(venue, question())
    TradingAccount.objects.create(user=deployer, venue=venue, number=99, opened_at=START)
    day = VolumeDay.objects.create(group_id=GROUP, account=99, market=0, day=START.date(), volume=600)
    replayed: list[str] = []
    run = incidents.run_rule
    monkeypatch.setattr(
        incidents, "run_rule", lambda group, wanted: replayed.append(wanted.rule) or run(group, wanted)
    )
    for second in (60, 120, 180):
        assert detect(at(second)) == []
    assert replayed == ["self_dealing"]
    VolumeDay.objects.filter(pk=day.pk).update(volume=700)
    monkeypatch.setattr(incidents, "SHARE", 10**9)
    assert detect(at(240)) == []
    assert replayed == ["self_dealing"] * 2
    # A replay that took long waits for its next turn, whatever is new.
    VolumeDay.objects.filter(pk=day.pk).update(volume=800)
    assert detect(at(300)) == []
    assert replayed == ["self_dealing"] * 2
    cache.clear()
    assert detect(at(360)) == []
    assert replayed == ["self_dealing"] * 3


def test_a_clean_history_has_nothing(venue: Venue) -> None:
    settled(venue, 0)
    TradingAccount.objects.create(user=user_named("trader"), venue=venue, number=17, opened_at=START)
    VolumeDay.objects.create(group_id=GROUP, account=17, market=0, day=START.date(), volume=600)
    assert detect(at(200)) == []
    sweep_incidents()
    assert Incident.objects.count() == 0
