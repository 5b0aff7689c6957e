"""Disputes: every verdict with its bonds to the unit, every refusal with nothing moved, and events nobody resolves."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ObjectDoesNotExist
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, transaction
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from exchange_os.engine import client as engine_client
from exchange_os.engine.errors import OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, LedgerAccount
from exchange_os.ledger.selectors import balance, stake_asset, stake_balance, to_units, wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.venues.conftest import give
from tests.venues.test_contract_specs import EVENT, TEAMS
from tests.venues.test_events import SEEN, passed
from trading.selectors.judging import bar_to_judging, may_judge
from trading.services.accounts import ensure_account
from trading.services.orders import OrderDraft, place_order
from venues.event_specs import event_spec
from venues.evidence import evidence_file, evidence_link
from venues.models import PPM, UNDECIDED, Dispute, DisputeState, Event, EventMove, EventState, Venue, Verdict
from venues.services import (
    add_market,
    clarify_event,
    close_event,
    decide,
    drive_launch,
    follow_events,
    open_dispute,
    propose_result,
    propose_void,
    start_deposit,
)
from venues.services.disputes import bond_units, carry_out
from venues.services.event_moves import EVENT_MOVES
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "The airport reports 0 mm for that day."
WORDS = "The record of the airport is clear."


class Court:
    """A venue with as many questions as a test asks for, and people with bonds."""

    def __init__(self, venue: Venue, deployer: AbstractBaseUser) -> None:
        self.venue, self.deployer, self.count = venue, deployer, 0
        users = get_user_model().objects
        self.people = [users.create_user(f"p{at}", f"p{at}@example.com") for at in range(3)]
        for user in self.people:
            give(user, "1000", "OKB")
        self.whole = self.total()

    def event(self, data: dict[str, str] = TEAMS, state: EventState = EventState.PROPOSED) -> Event:
        """One more event; if proposed, the first outcome."""
        self.count += 1
        add_market(
            self.deployer,
            self.venue,
            event_spec({**data, "code": f"E{self.count}", "series": f"S{self.count}"}),
        )
        drive_launch(self.venue.pk)
        event = Event.objects.get(venue=self.venue, series=f"S{self.count}")
        return propose_result(self.deployer, event, {0: PPM}, SEEN) if state == EventState.PROPOSED else event

    def dispute(self, event: Event, person: int = 0, outcome: int | None = 1) -> Dispute:
        """That person says that outcome won; without one, that there is none."""
        payouts = None if outcome is None else {outcome: PPM}
        return open_dispute(self.people[person], event, REASON, SEEN, payouts)

    def held(self) -> list[int]:
        """Units of the stake asset of each person's wallet, the deployer's wallet and stake."""
        asset = stake_asset()
        wallets = [wallet_balance(user.pk, asset) for user in [*self.people, self.deployer]]
        return [*wallets, stake_balance(self.deployer.pk)]

    def moved(self, before: list[int]) -> list[int]:
        """What each has more than before, in bonds."""
        bond = bond_units()
        assert all((now - then) % (bond // 2) == 0 for now, then in zip(self.held(), before, strict=True))
        return [(now - then) * 2 // bond for now, then in zip(self.held(), before, strict=True)]

    def bonds(self, event: Event) -> int:
        """What is held for the event."""
        return balance(AccountKind.DISPUTE_BOND, event.pk, stake_asset().pk)

    def total(self) -> int:
        """All of the stake asset there is."""
        rows = LedgerAccount.objects.filter(asset=stake_asset()).exclude(kind=AccountKind.EXTERNAL)
        return int(rows.aggregate(total=Sum("balance"))["total"])

    def check(self) -> None:
        """Nothing came or went, and each event holds the bonds of what is undecided."""
        assert self.total() == self.whole
        for event in Event.objects.filter(venue=self.venue):
            sums = Dispute.objects.filter(event=event, state__in=UNDECIDED).aggregate(
                bonds=Sum("bond"), counter=Sum("counter_bond")
            )
            own = 0 if sums["counter"] else event.proposer_bond
            assert self.bonds(event) == (sums["bonds"] or 0) + (sums["counter"] or 0) + own, event


@pytest.fixture
def court(venue: Venue, deployer: AbstractBaseUser) -> Court:
    """The court."""
    return Court(venue, deployer)


def test_every_verdict_gives_the_bonds_to_whose_they_are(court: Court) -> None:
    # What people 0 to 2, the deployer's wallet and stake have more in the end, in half bonds; who disputes what is
    # (person, outcome; None: void). The deployer proposed outcome 0.
    one, two = ((0, 1),), ((0, 1), (1, 1))
    cases: list[tuple[Any, Verdict, int | None, list[int], EventState]] = [
        (one, Verdict.UPHOLD, None, [-2, 0, 0, 2, 0], EventState.RESOLVED),
        (one, Verdict.OVERTURN, 1, [2, 0, 0, 0, -2], EventState.RESOLVED),
        (one, Verdict.OVERTURN, 2, [2, 0, 0, 0, -2], EventState.RESOLVED),
        (one, Verdict.VOID, None, [0, 0, 0, 0, 0], EventState.VOID),
        (two, Verdict.UPHOLD, None, [-2, -2, 0, 4, 0], EventState.RESOLVED),
        (two, Verdict.OVERTURN, 1, [1, 1, 0, 0, -2], EventState.RESOLVED),
        (((0, 1), (1, 2)), Verdict.OVERTURN, 2, [0, 2, 0, 0, -2], EventState.RESOLVED),
        (((0, None), (1, 2)), Verdict.VOID, None, [2, 0, 0, 0, -2], EventState.VOID),
    ]
    for claims, verdict, outcome, gains, state in cases:
        event, before = court.event(), court.held()
        disputes = [court.dispute(event, person, claim) for person, claim in claims]
        assert [row.joined_id for row in disputes] == [None, *[disputes[0].pk] * (len(disputes) - 1)]
        assert court.bonds(event) == bond_units() * (len(disputes) + 1)
        payouts = None if outcome is None else {outcome: PPM}
        decide(disputes[-1], verdict, by=court.people[2], words=WORDS, payouts=payouts)
        event.refresh_from_db()
        assert (event.state, court.moved(before), court.bonds(event)) == (state, gains, 0), (claims, verdict)
        if state == EventState.RESOLVED:
            assert [int(at) for at, ppm in event.payouts.items() if ppm] == [outcome or 0]
        with pytest.raises(DomainError) as refused:
            decide(disputes[0], Verdict.UPHOLD, by=None, words=WORDS)
        assert refused.value.code == "dispute_decided"
        assert court.moved(before) == gains, "decided once"
        court.check()
    assert not check_ledger(kernel_totals).faults


def test_a_share_that_does_not_divide_goes_to_the_first(court: Court) -> None:
    event, before = court.event(), court.held()
    disputes = [court.dispute(event, person) for person in range(3)]
    decide(disputes[0], Verdict.OVERTURN, by=None, words=WORDS, payouts={1: PPM})
    bond = bond_units()
    part, rest = divmod(bond, 3)
    assert rest
    got = [now - then for now, then in zip(court.held(), before, strict=True)]
    assert got == [part + rest, part, part, 0, -bond]
    assert [row.received - bond for row in Dispute.objects.order_by("pk") if row.received] == [
        part + rest,
        part,
        part,
    ]
    court.check()


def test_a_proposer_gives_in(court: Court) -> None:
    event, before = court.event(), court.held()
    court.dispute(event)
    court.dispute(event, 1, 2)
    event = propose_result(court.deployer, event, {1: PPM}, "https://example.com/rome corrected")
    assert (event.state, court.moved(before)) == (EventState.PROPOSED, [1, 1, 0, 0, -2])
    assert set(event.disputes.values_list("state", "verdict")) == {(DisputeState.WON, Verdict.CONCEDED)}
    dispute = court.dispute(event, 2, 0)
    assert dispute.joined is None, "a new proposal, a new case"
    court.check()


def test_what_is_refused_moves_nothing(court: Court, newcomer: AbstractBaseUser) -> None:
    event = court.event()
    first = court.dispute(event)
    other = court.event()
    late = court.event()
    passed(late)
    before, rows = court.held(), Dispute.objects.count()
    attempts: list[tuple[str, Any]] = [
        ("disputed_already", lambda: court.dispute(event)),
        ("own_result", lambda: open_dispute(court.deployer, other, REASON, SEEN, {1: PPM})),
        ("same_result", lambda: court.dispute(other, 1, 0)),
        ("payouts_invalid", lambda: court.dispute(other, 1, 9)),
        ("reason_missing", lambda: open_dispute(court.people[1], other, "no", SEEN, {1: PPM})),
        ("source_missing", lambda: open_dispute(court.people[1], other, REASON, "", {1: PPM})),
        ("insufficient_funds", lambda: open_dispute(newcomer, other, REASON, SEEN, {1: PPM})),
        ("window_over", lambda: court.dispute(late, 1)),
        ("same_result", lambda: decide(first, Verdict.OVERTURN, by=None, words=WORDS, payouts={0: PPM})),
        ("payouts_invalid", lambda: decide(first, Verdict.OVERTURN, by=None, words=WORDS)),
        ("verdict_unknown", lambda: decide(first, Verdict.LAPSED, by=None, words=WORDS)),
        ("reason_missing", lambda: decide(first, Verdict.UPHOLD, by=None, words="no")),
        ("event_move_refused", lambda: close_event(court.deployer, event)),
        (
            "event_move_refused",
            lambda: clarify_event(court.deployer, event, "Rain is what falls from the sky."),
        ),
    ]
    for code, attempt in attempts:
        with pytest.raises(DomainError) as refused:
            attempt()
        assert refused.value.code == code
        assert (court.held(), Dispute.objects.count()) == (before, rows), code
    other.refresh_from_db()
    assert other.state == EventState.PROPOSED
    with pytest.raises(ProgrammingError, match="claims is never changed"), transaction.atomic():
        Dispute.objects.update(bond=1)
    with pytest.raises(ProgrammingError, match="never removed"), transaction.atomic():
        Dispute.objects.all().delete()
    court.check()


def test_a_verdict_that_was_cut_off_is_carried_out_once(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, before = court.event(), court.held()
    dispute = court.dispute(event)

    def away(*args: Any, **more: Any) -> Any:
        raise OutcomeUnknown

    with monkeypatch.context() as patch:
        patch.setattr(engine_client, "submit", away)
        with pytest.raises(OutcomeUnknown):
            decide(dispute, Verdict.OVERTURN, by=court.people[2], words=WORDS, payouts={1: PPM})
    dispute.refresh_from_db()
    assert (dispute.state, court.bonds(event)) == (DisputeState.JUDGED, 2 * bond_units())
    with pytest.raises(DomainError) as refused:
        propose_result(court.deployer, event, {2: PPM}, SEEN)
    assert refused.value.code == "dispute_decided", "a written verdict stands"
    with pytest.raises(DomainError, match="has been given"):
        court.dispute(event, 1)
    assert follow_events() >= 1
    event.refresh_from_db()
    assert (event.state, court.moved(before)) == (EventState.RESOLVED, [2, 0, 0, 0, -2])
    carry_out(event)
    assert court.moved(before) == [2, 0, 0, 0, -2]
    court.check()


def test_a_dispute_nobody_judges_is_void(court: Court, settings: Any) -> None:
    event, before = court.event(), court.held()
    court.dispute(event)
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.DISPUTED
    settings.DISPUTE_DEADLINE_SECONDS = 0
    follow_events()
    event.refresh_from_db()
    assert (event.state, court.moved(before)) == (EventState.VOID, [0] * 5)
    assert event.disputes.get().verdict == Verdict.LAPSED
    court.check()


def test_a_deployer_who_vanishes(court: Court, settings: Any) -> None:
    settings.RESOLUTION_GRACE_SECONDS, settings.RESOLUTION_DEADLINE_SECONDS = 3600, 7200
    event = close_event(court.deployer, court.event(state=EventState.OPEN))
    lost = close_event(court.deployer, court.event(state=EventState.OPEN))
    stranger, before = court.people[0], court.held()
    with pytest.raises(DomainError) as refused:
        propose_result(stranger, event, {0: PPM}, SEEN)
    assert (refused.value.code, court.held()) == ("event_unknown", before)
    settings.RESOLUTION_GRACE_SECONDS = 0
    event = propose_result(stranger, event, {0: PPM}, SEEN)
    assert (event.state, court.moved(before), event.proposer) == (
        EventState.PROPOSED,
        [-2, 0, 0, 0, 0],
        stranger,
    )
    for user in (court.deployer, court.people[1]):
        with pytest.raises(DomainError):
            propose_result(user, event, {1: PPM}, SEEN)
    # The deployer, back again, disputes like anyone; the stranger's bond is at stake, not the deployer's.
    give(court.deployer, "100", "OKB")
    court.whole = court.total()
    before = court.held()
    dispute = open_dispute(court.deployer, event, REASON, SEEN, {1: PPM})
    decide(dispute, Verdict.OVERTURN, by=None, words=WORDS, payouts={1: PPM})
    assert court.moved(before) == [0, 0, 0, 2, 0]
    court.check()
    # An undisputed proposal gives the bond back; what nobody proposes is void by the clock, after a window.
    third = close_event(court.deployer, court.event(state=EventState.OPEN))
    third = propose_result(stranger, third, {2: PPM}, SEEN)
    passed(third)
    settings.RESOLUTION_DEADLINE_SECONDS = 0
    follow_events()
    third.refresh_from_db()
    lost.refresh_from_db()
    assert (third.state, court.bonds(third)) == (EventState.RESOLVED, 0)
    assert (lost.state, lost.voiding, lost.proposer) == (EventState.PROPOSED, True, None)
    court.dispute(lost, 1, 2)
    assert court.bonds(lost) == bond_units(), "nobody stands against it"
    decide(lost.disputes.get(), Verdict.OVERTURN, by=None, words=WORDS, payouts={2: PPM})
    lost.refresh_from_db()
    assert (lost.state, court.bonds(lost)) == (EventState.RESOLVED, 0)
    court.check()


def any_move(court: Court, event: Event, draw: Random) -> None:
    """One move by somebody, allowed or not."""
    person, outcome, luck = draw.randrange(3), draw.randrange(4), draw.random()
    speaker = court.deployer if draw.random() < 0.6 else court.people[person]
    case = Dispute.objects.filter(event=event, state=DisputeState.OPEN).first()
    match draw.randrange(6):
        case 0:
            close_event(court.deployer, event)
        case 1:
            propose_result(speaker, event, {outcome: PPM}, SEEN)
        case 2:
            propose_void(speaker, event, SEEN)
        case 3:
            court.dispute(event, person, draw.choice([None, 0, 1, 2]))
        case 4 if luck < 0.3:
            passed(event)
            follow_events()
        case 5 if luck < 0.3 and case:
            verdict = draw.choice([Verdict.UPHOLD, Verdict.OVERTURN, Verdict.VOID])
            decide(case, verdict, by=None, words=WORDS, payouts={outcome: PPM})


def test_any_walk_through_the_moves_keeps_the_money(court: Court, settings: Any) -> None:
    settings.RESOLUTION_GRACE_SECONDS = 0
    draw = Random(20_260_611)
    events = [court.event(state=EventState.OPEN) for _ in range(5)]
    seen: set[tuple[str, str]] = set()
    for _ in range(90):
        event = draw.choice(events)
        event.refresh_from_db()
        before, held = event.state, court.held()
        try:
            any_move(court, event, draw)
        except DomainError:
            assert court.held() == held
        event.refresh_from_db()
        if event.state != before:
            assert EventState(event.state) in EVENT_MOVES[EventState(before)]
            seen.add((before, event.state))
        court.check()
    assert {("open", "closed"), ("closed", "proposed"), ("proposed", "disputed")} <= seen
    assert any(state in ("resolved", "void") for _, state in seen)
    assert not check_ledger(kernel_totals).faults


def test_holders_deployers_and_parties_do_not_judge(court: Court) -> None:
    free = {"maker_fee_percent": "0", "taker_fee_percent": "0"}
    event = court.event({**TEAMS, **free}, EventState.OPEN)
    holder, asker, stranger = court.people
    market = event.markets.select_related("venue", "quote", "base", "event").get(outcome=0)
    accounts = []
    for user in (holder, court.deployer):
        give(user, "50", "USD")
        account = ensure_account(user, court.venue)
        start_deposit(user, court.venue, account.number, market.quote, to_units("50", market.quote))
        accounts.append(account)
    assert may_judge(holder.pk, event)
    place_order(accounts[0], market, OrderDraft("buy", 10, price="0.5"))  # type: ignore[arg-type]
    assert bar_to_judging(holder.pk, event) == "You have an order in this event."
    place_order(accounts[1], market, OrderDraft("sell", 10, price="0.5"))  # type: ignore[arg-type]
    assert bar_to_judging(holder.pk, event) == "You hold contracts of this event."
    place_order(accounts[1], market, OrderDraft("buy", 10, price="0.5"))  # type: ignore[arg-type]
    place_order(accounts[0], market, OrderDraft("sell", 10, price="0.5"))  # type: ignore[arg-type]
    assert bar_to_judging(holder.pk, event) == "You have traded in this event.", "sold before, barred still"
    event = propose_result(court.deployer, event, {0: PPM}, SEEN)
    open_dispute(asker, event, REASON, SEEN, {1: PPM})
    assert bar_to_judging(asker.pk, event) == "You proposed or disputed a result of this event."
    assert bar_to_judging(court.deployer.pk, event) == "You run this venue."
    assert may_judge(stranger.pk, event)


def test_what_a_question_asks_stays_and_clarifications_give_time(
    court: Court, deployer: AbstractBaseUser
) -> None:
    event = court.event(EVENT, EventState.OPEN)
    for change in (
        {"rules": "Something else entirely, said later."},
        {"title": "Another?"},
        {"window_seconds": 60},
    ):
        with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**change)
    with pytest.raises(DomainError) as refused:
        clarify_event(court.people[0], event, "Rain is what falls from the sky.")
    assert refused.value.code == "event_unknown"
    with pytest.raises(DomainError, match="what is meant"):
        clarify_event(deployer, event, "no")
    row = clarify_event(deployer, event, "Hail counts as <b>rain</b> if the station says so.")
    event.refresh_from_db()
    assert (row.added_seconds, event.window_seconds) == (3600, 10_800)
    event = propose_result(deployer, event, {0: PPM}, SEEN)
    Event.objects.filter(pk=event.pk).update(proposed=timezone.now() - timedelta(seconds=7_300))
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.PROPOSED, "the old window is over, the longer one is not"
    page = Client().get(f"/v/north/event/{event.code}/").content.decode()
    assert "Hail counts as &lt;b&gt;rain&lt;/b&gt;" in page
    assert "Rules clarified" in page
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
        event.clarifications.update(text="Hail does not count.")


def test_evidence_is_kept_with_its_hash_and_never_runs(court: Court, signed_in: Any) -> None:
    event = court.event(EVENT, EventState.OPEN)
    script = b"<script>alert(1)</script>"
    for broken in (
        lambda: evidence_file("x.html", b""),
        lambda: evidence_file("x.html", b"x" * 2_000_001),
        lambda: evidence_link("javascript:alert(1)", "0" * 64),
        lambda: evidence_link("https://example.com/a", "00"),
    ):
        with pytest.raises(DomainError):
            broken()
    answer = signed_in(court.deployer).post(
        f"/deployer/venues/{court.venue.pk}/events/{event.pk}/resolve/",
        {
            "outcome": "0", "evidence": SEEN, "source": "https://example.com/rome", "link": "https://example.com/log",
            "hash": "A" * 64, "files": SimpleUploadedFile("../../<i>rain.html", script),
        },
    )  # fmt: skip
    assert answer.status_code == 302
    move = EventMove.objects.get(event=event, state=EventState.PROPOSED)
    assert (move.words, move.source) == (SEEN, "https://example.com/rome")
    kept, linked = move.evidence.all()
    assert (bytes(kept.content), kept.size, linked.link) == (script, len(script), "https://example.com/log")
    page = Client().get(f"/v/north/event/{event.code}/").content.decode()
    assert "&lt;i&gt;rain.html" in page
    assert kept.sha256[:12] in page
    download = Client().get(f"/v/north/event/{event.code}/evidence/{kept.pk}/")
    assert download["Content-Type"] == "application/octet-stream"
    assert download["Content-Disposition"].startswith("attachment")
    assert download["X-Content-Type-Options"] == "nosniff"
    assert Client().get(f"/v/north/event/{event.code}/evidence/{linked.pk}/").status_code == 404
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
        move.evidence.update(sha256="0" * 64)
    with pytest.raises(ObjectDoesNotExist):
        Dispute.objects.get(event=event)
