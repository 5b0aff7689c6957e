"""Improvement proposals: bounds, one execution, vetoes, two about one thing, members who left, effects to the unit."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.parameters.models import ParameterChange
from exchange_os.parameters.registry import PARAMETERS
from exchange_os.parameters.selectors import forget, whole
from exchange_os.parameters.services import set_parameter
from governance.models import CommitteeMember, Decision, Proposal, State, Verb
from governance.selectors.decisions import content_of, effect_of
from governance.selectors.effects import effects_of
from governance.selectors.parameters import parameter
from governance.services.committee import remove_member, seat_member
from governance.services.decisions import follow_decision, open_decision, veto_decision
from governance.services.proposals import bring_again, propose
from tests.governance.conftest import deployer, members, user_named, venue
from tests.governance.factors import enrol, vote
from venues.models import Market, MarketKind, RevenueDay
from venues.stakes import min_stake

__all__ = ["deployer", "members", "venue"]

WHY = "Venues have grown, and what stands behind them should grow with them."
OBJECTION = "The effect on small venues was not looked at."
VOTES = timedelta(days=3, seconds=1)
LOCK = timedelta(days=2, seconds=1)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Values that another test has read are not believed."""
    forget()
    yield
    forget()


def opened(members: list[CommitteeMember], kind: str = "parameter", **terms: object) -> Decision:
    """A proposal of Ada's whose vote runs."""
    made = propose(members[0].user, kind, terms or {"name": "unbonding_days", "value": "14"}, "A change", WHY)
    decision = open_decision(made.decision, members[0].user)
    assert decision.state == State.VOTING
    return decision


def carried(decision: Decision, members: list[CommitteeMember], votes: int = 2) -> Decision:
    """Adopted by that many votes for, the rest against; its time lock runs."""
    for place, member in enumerate(members):
        vote(decision, member, "approve" if place < votes else "reject")
    follow_decision(decision.pk, timezone.now() + VOTES)
    decision.refresh_from_db()
    return decision


def executed(decision: Decision) -> Decision:
    """After its time lock."""
    follow_decision(decision.pk, timezone.now() + VOTES + LOCK)
    decision.refresh_from_db()
    return decision


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"name": "unbonding_days", "value": "0"}, "parameter_out_of_bounds"),
        ({"name": "unbonding_days", "value": "61"}, "parameter_out_of_bounds"),
        ({"name": "unbonding_days", "value": "7.5"}, "number_invalid"),
        ({"name": "unbonding_days", "value": "7"}, "parameter_unchanged"),
        ({"name": "secret_key", "value": "7"}, "parameter_unknown"),
        ({"name": "protocol_share_ppm", "value": "-1"}, "parameter_out_of_bounds"),
    ],
)
def test_what_is_out_of_bounds_is_refused(members, terms, code) -> None:
    with pytest.raises(DomainError) as refused:
        propose(members[0].user, "parameter", terms, "A change", WHY)
    assert refused.value.code == code
    assert (Decision.objects.count(), Proposal.objects.count(), ParameterChange.objects.count()) == (0, 0, 0)


def test_only_members_propose_and_every_parameter_is_within_its_bounds(members) -> None:
    with pytest.raises(DomainError) as refused:
        propose(user_named("stranger"), "parameter", {"name": "unbonding_days", "value": 9}, "A change", WHY)
    assert refused.value.code == "not_a_member"
    for each in PARAMETERS.values():
        assert each.low <= each.unchanged <= each.high, each.name
        assert each.words


def test_a_change_is_executed_once_after_its_lock(members) -> None:
    decision = opened(members)
    content = content_of(decision)
    assert (content["before"], content["value"], content["bounds"]) == ("7", 14, [1, 60])
    assert [line.text for line in effect_of(decision)][:3] == [
        "Set unbonding_days to 14",
        "7 days",
        "14 days",
    ]
    carried(decision, members)
    assert (decision.state, whole("unbonding_days")) == (State.LOCKED, 7)
    executed(decision)
    assert (decision.state, whole("unbonding_days")) == (State.EXECUTED, 14)
    assert follow_decision(decision.pk, timezone.now() + VOTES + LOCK) == 0
    change = ParameterChange.objects.get()
    assert (change.before, change.value, change.decision) == ("7", 14, decision.pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ParameterChange.objects.update(value=1)


def test_a_failure_while_executing_changes_nothing_and_it_is_tried_again(members, monkeypatch) -> None:
    decision = carried(opened(members), members)
    with monkeypatch.context() as broken:
        broken.setattr("governance.services.decisions.make_move", lambda *_: 1 / 0)
        executed(decision)
    assert (decision.state, ParameterChange.objects.count()) == (State.LOCKED, 0)
    assert "ZeroDivisionError" in decision.problem
    executed(decision)
    assert (decision.state, ParameterChange.objects.count()) == (State.EXECUTED, 1)


def test_of_two_about_one_parameter_the_second_is_annulled(members) -> None:
    first = opened(members)
    second = opened(members, name="unbonding_days", value=21)
    carried(first, members)
    carried(second, members)
    executed(first)
    executed(second)
    assert (first.state, second.state, whole("unbonding_days")) == (State.EXECUTED, State.REJECTED, 14)
    move = second.moves.last()
    assert (move.verb, move.words) == (
        Verb.ANNUL, "unbonding_days was changed meanwhile by another decision.",
    )  # fmt: skip


def test_two_guardians_veto_and_brought_again_it_needs_more_and_cannot_be_stopped(members) -> None:
    decision = carried(opened(members), members)
    with pytest.raises(DomainError) as refused:
        veto_decision(decision, members[0].user, "No.")
    assert refused.value.code == "words_missing"
    veto_decision(decision, members[0].user, OBJECTION)
    with pytest.raises(DomainError) as refused:
        veto_decision(decision, members[0].user, OBJECTION)
    assert refused.value.code == "vetoed_already"
    decision.refresh_from_db()
    assert decision.state == State.LOCKED, "one guardian alone stops nothing"
    with pytest.raises(DomainError) as refused:
        bring_again(decision.proposal, members[0].user)
    assert refused.value.code == "not_vetoed"
    veto_decision(decision, members[1].user, OBJECTION)
    executed(decision)
    assert (decision.state, decision.moves.last().verb, whole("unbonding_days")) == (
        State.REJECTED,
        Verb.VETO,
        7,
    )
    assert decision.moves.last().words == f"Ada: {OBJECTION}; Ben: {OBJECTION}"

    again = bring_again(decision.proposal, members[0].user).decision
    with pytest.raises(DomainError) as refused:
        bring_again(decision.proposal, members[0].user)
    assert refused.value.code == "brought_again"
    open_decision(again, members[0].user)
    carried(again, members)  # two of three carried it before
    assert again.state == State.REJECTED
    assert again.moves.last().verb == Verb.REJECT


def test_a_vetoed_one_is_outvoted_by_all(members) -> None:
    decision = carried(opened(members), members)
    for member in members[:2]:
        veto_decision(decision, member.user, OBJECTION)
    again = bring_again(decision.proposal, members[2].user).decision
    open_decision(again, members[2].user)
    carried(again, members, 3)
    with pytest.raises(DomainError) as refused:
        veto_decision(again, members[0].user, OBJECTION)
    assert refused.value.code == "veto_refused"
    assert executed(again).state == State.EXECUTED
    assert whole("unbonding_days") == 14


def fourth() -> CommitteeMember:
    """Dan, who serves too."""
    user = user_named("dan")
    enrol(user)
    return seat_member(user, "Dan", timezone.now() + timedelta(days=365))


def test_votes_of_removed_members_do_not_count_and_nobody_judges_themselves(members) -> None:
    dan = fourth()
    removal = opened(members, "unseat", member=dan.pk)
    with pytest.raises(DomainError) as refused:
        vote(removal, dan)
    assert refused.value.code == "member_recused"
    other = opened(members)
    for member, choice in ((members[0], "approve"), (dan, "approve"), (members[1], "abstain")):
        vote(other, member, choice)
    follow_decision(other.pk, timezone.now() + VOTES)
    carried(removal, members, 3)
    executed(removal)
    dan.refresh_from_db()
    assert (removal.state, dan.removed_reason) == (State.EXECUTED, f"Decision {removal.pk}.")
    executed(other)
    assert (other.state, other.moves.last().verb, whole("unbonding_days")) == (State.REJECTED, Verb.ANNUL, 7)
    with pytest.raises(DomainError) as refused:
        propose(members[0].user, "unseat", {"member": members[1].pk}, "A removal", WHY)
    assert refused.value.code == "committee_too_small"


def test_seats_powers_and_grades_by_decision(members) -> None:
    user_named("eve")
    seat = opened(members, "seat", email="eve@example.com", member_name="Eve", days="365", guardian="")
    executed(carried(seat, members))
    eve = CommitteeMember.objects.get(name="Eve")
    assert (seat.state, eve.guardian) == (State.EXECUTED, False)
    CommitteeMember.objects.filter(pk=eve.pk).update(since=timezone.now())
    powers = opened(members, "guardian", member=eve.pk, guardian="on")
    executed(carried(powers, members))
    eve.refresh_from_db()
    assert eve.guardian
    again = opened(members, "grade", asset="BTC", grade="C")
    assert effect_of(again)[0].text == "Grade BTC C as collateral"
    executed(carried(again, members))
    assert Asset.objects.get(symbol="BTC").grade == "C"
    remove_member(eve, "Left.")


def test_effects_are_what_would_follow_to_the_unit(venue, deployer) -> None:
    usd = Asset.objects.get(symbol="USD")
    Market.objects.create(
        venue=venue, number=0, symbol="BTC-USD", kind=MarketKind.SPOT, base=Asset.objects.get(symbol="BTC"),
        quote=usd, tick_size="1", lot_size="1", price_scale=0, size_scale=0, lot_units=1, tick_quote=1,
        reference_ticks=1, band_ppm=0, maker_fee_ppm=0, taker_fee_ppm=0,
    )  # fmt: skip
    assert [line.text for line in effects_of("min_spot_stake", 1_000)] == [
        "0 deployers would fall below the minimum; 1 would not."
    ]
    lines = effects_of("min_spot_stake", 1_001)
    assert [(line.label, line.text) for line in lines] == [
        ("Stakes", "1 deployer would fall below the minimum; 0 would not."),
        ("North Labs falls short", "1,000 OKB at stake, 1,001 OKB needed (1,000 OKB now)"),
    ]
    RevenueDay.objects.create(
        group_id=venue.group_id,
        market=0,
        day=timezone.now().date(),
        taker_fees=10_000_000,
        maker_fees=-2_000_000,
    )
    type(venue).objects.filter(pk=venue.pk).update(protocol_share_ppm=100_000)
    assert effects_of("protocol_share_ppm", 150_000)[1].text == (
        "0.8 USD at the shares in force, 1.2 USD if every venue had the new one (+0.4 USD)"
    )


def test_what_venues_could_carry_is_worked_out_and_not_known_is_said(venue) -> None:
    assets = {row.symbol: row for row in Asset.objects.all()}
    Market.objects.create(
        venue=venue, number=0, symbol="BTC-USD-SWAP", kind=MarketKind.PERPETUAL, base=assets["BTC"],
        quote=assets["USD"], tick_size="1", lot_size="1", price_scale=0, size_scale=0, lot_units=1, tick_quote=1,
        reference_ticks=1, band_ppm=0, maker_fee_ppm=0, taker_fee_ppm=0,
    )  # fmt: skip
    lines = effects_of("capacity_multiple", 20)
    assert [(line.label, line.text) for line in lines] == [
        ("Capacities", "1 venue with contracts"),
        (
            "North Exchange",
            "480,000 USD now, 960,000 USD then; the venue does not say what it carries",
        ),
    ]
    assert effects_of("unbonding_days", 20) == []


def test_a_changed_parameter_is_what_services_read(members) -> None:
    before = min_stake(["spot"])
    set_parameter("min_spot_stake", 1_250, decision=1, reason="A test of readers.")
    assert min_stake(["spot"]) == before * 5 // 4
    set_parameter("proposal_lock_seconds", 5 * 86_400, decision=1, reason="A test of readers.")
    assert parameter("proposal_lock_seconds") == 432_000


def test_pages(members) -> None:
    decision = carried(opened(members), members)
    for path in ("/governance/proposals/", "/governance/parameters/", f"/governance/{decision.pk}/"):
        answer = Client().get(path)
        assert answer.status_code == 200, path
        assert "unbonding_days" in answer.content.decode() or path.endswith("proposals/")
    ada = Client()
    ada.force_login(members[0].user)
    assert ada.get("/governance/proposals/new/?kind=parameter&name=capacity_multiple").status_code == 200
    typed = {
        "kind": "parameter",
        "name": "capacity_multiple",
        "value": "99",
        "title": "More room",
        "summary": WHY,
    }
    answer = ada.post("/governance/proposals/new/", typed)
    assert answer.status_code == 422
    assert "between 1 and 50" in answer.content.decode()
    answer = ada.post("/governance/proposals/new/", {**typed, "value": "12"})
    assert answer.status_code == 302
    shown = ada.get(answer["Location"]).content.decode()
    assert "Set capacity_multiple to 12" in shown
    executed(decision)
    assert f"/governance/{decision.pk}/" in Client().get("/governance/parameters/").content.decode()
