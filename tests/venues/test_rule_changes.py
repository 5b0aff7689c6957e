"""Changes of rules: bounds, time lock, second person, applied once, undone, tried on the venue's own journal."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.errors import Refusals
from venues.models import PendingAct, Role, RuleChange, RuleState, VenueAct, VenueMember
from venues.rules import current_values, rules_of, typed
from venues.services.asking import ask
from venues.services.rule_changes import (
    apply_due_changes,
    draft_change,
    run_trial,
    submit_change,
    try_change,
    undo_change,
    withdraw_change,
)
from venues.services.two_people import approve_act, run_due_acts

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The book has become deeper."


def told(venue, number=0):
    return ask(venue.group_id, {"q": "market", "market": number})["market"]


def refusal(act, *arguments):
    with pytest.raises(DomainError) as refused:
        act(*arguments)
    return refused.value.code


def due(change):
    RuleChange.objects.filter(pk=change.pk).update(effective=timezone.now())


def test_what_helps_is_in_force_at_once_and_only_once(venue, deployer):
    change = submit_change(deployer, draft_change(deployer, venue, 0, {"band": "10"}), WHY)
    assert (change.state, change.hurts, change.risky) == (RuleState.LOCKED, False, False)
    assert (apply_due_changes(), apply_due_changes()) == (1, 0)
    change.refresh_from_db()
    assert (change.state, told(venue)["band_ppm"], venue.markets.get().band_ppm) == ("live", 100_000, 100_000)
    assert (told(venue)["taker_ppm"], told(venue)["min_lots"]) == (500, 1), "nothing else has moved"
    acts = VenueAct.objects.filter(venue=venue, verb="changed")
    assert [(act.by, act.before, act.after) for act in acts] == [
        (None, {"Price band": "5%"}, {"Price band": "10%"})
    ]


def test_what_hurts_waits_for_its_notice_and_is_undone_with_one_click(venue, deployer, settings):
    change = submit_change(deployer, draft_change(deployer, venue, 0, {"band": "1"}), WHY)
    wait = change.effective - timezone.now()
    assert timedelta(hours=71) < wait <= timedelta(hours=settings.CHANGE_NOTICE_HOURS)
    assert apply_due_changes() == 0
    assert told(venue)["band_ppm"] == 50_000
    due(change)
    assert apply_due_changes() == 1
    assert told(venue)["band_ppm"] == 10_000
    change.refresh_from_db()
    back = undo_change(deployer, change)
    assert (back.values, back.state, back.undoes) == ({"band": 50_000}, RuleState.LOCKED, change)
    assert apply_due_changes() == 1
    assert told(venue)["band_ppm"] == 50_000
    assert refusal(undo_change, deployer, change) == "nothing_changes"


def test_less_margin_needs_a_second_person(perp, deployer, newcomer):
    VenueMember.objects.create(venue=perp, user=newcomer, role=Role.OWNER)
    change = submit_change(deployer, draft_change(deployer, perp, 1, {"max_leverage": "25"}), WHY)
    assert (change.state, change.risky, change.hurts) == (RuleState.WAITING, True, False)
    assert apply_due_changes() == 0
    asked = PendingAct.objects.get()
    assert asked.parameters["after"] == {"Highest leverage": "25x"}
    approve_act(newcomer, perp, asked.pk, asked.digest)
    assert apply_due_changes() == 1
    market = perp.markets.get(number=1)
    assert (market.params["max_leverage"], market.params["tiers"][0][1:]) == (25, [40_000, 20_000])
    assert market.params["sources"], "the rest of the parameters stands"


def test_a_lone_owner_waits_for_the_lock_instead(perp, deployer):
    change = submit_change(deployer, draft_change(deployer, perp, 1, {"max_leverage": "25"}), WHY)
    PendingAct.objects.update(due=timezone.now())
    assert run_due_acts() == 1
    change.refresh_from_db()
    assert change.state == RuleState.LOCKED


def test_a_change_that_nobody_approves_is_over(perp, deployer, newcomer):
    VenueMember.objects.create(venue=perp, user=newcomer, role=Role.OWNER)
    change = submit_change(deployer, draft_change(deployer, perp, 1, {"stale": "30"}), WHY)
    PendingAct.objects.update(expires=timezone.now())
    run_due_acts()
    apply_due_changes()
    change.refresh_from_db()
    assert change.state == RuleState.WITHDRAWN


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"band": "0.01"}, "band"),
        ({"band": "51"}, "band"),
        ({"band": "x"}, "band"),
        ({"min_size": "0.00001"}, "min_size"),
        ({"min_size": "0"}, "min_size"),
    ],
)
def test_values_outside_the_bounds_are_refused_at_the_field(venue, deployer, data, field):
    with pytest.raises(Refusals) as refused:
        draft_change(deployer, venue, 0, data)
    assert list(refused.value.errors) == [field]
    assert RuleChange.objects.count() == 0


def test_one_change_waits_for_a_market_and_what_moved_meanwhile_refuses_it(venue, deployer):
    first = draft_change(deployer, venue, 0, {"band": "1"})
    second = draft_change(deployer, venue, 0, {"band": "2"})
    assert refusal(draft_change, deployer, venue, 0, {"band": "5"}) == "nothing_changes"
    submit_change(deployer, first, WHY)
    assert refusal(submit_change, deployer, second, WHY) == "change_waits"
    withdraw_change(deployer, first)
    assert refusal(withdraw_change, deployer, first) == "change_over"
    second = submit_change(deployer, second, WHY)
    venue.markets.update(band_ppm=70_000)
    due(second)
    assert apply_due_changes() == 0
    second.refresh_from_db()
    assert (second.state, told(venue)["band_ppm"]) == (RuleState.FAILED, 50_000)


def test_only_owners_change_rules(venue, deployer, newcomer):
    VenueMember.objects.create(venue=venue, user=newcomer, role=Role.HALTER)
    assert refusal(draft_change, newcomer, venue, 0, {"band": "1"}) == "role_missing"
    change = draft_change(deployer, venue, 0, {"band": "1"})
    for act in (
        lambda: submit_change(newcomer, change, WHY),
        lambda: withdraw_change(newcomer, change),
        lambda: try_change(newcomer, change, 10_000),
    ):
        assert refusal(act) == "role_missing"
    change.refresh_from_db()
    assert change.state == RuleState.DRAFT


def test_every_rule_of_a_perpetual_reaches_the_kernel(perp, deployer, newcomer):
    VenueMember.objects.create(venue=perp, user=newcomer, role=Role.OWNER)
    market = perp.markets.select_related("quote").get(number=1)
    now = current_values(market)
    data = {
        "band": "7", "min_size": "2", "max_leverage": "8", "tier_value": "70000", "interest_cap": "1000",
        "funding_cap": "2", "step": "2", "mark_band": "4", "stale": "20", "full_sources": "2",
    }  # fmt: skip
    assert set(data) == {rule.name for rule in rules_of(market)}
    change = submit_change(deployer, draft_change(deployer, perp, 1, data), WHY)
    asked = PendingAct.objects.get()
    approve_act(newcomer, perp, asked.pk, asked.digest)
    due(change)
    assert apply_due_changes() == 1
    market.refresh_from_db()
    after = current_values(market)
    assert {rule.name: typed(rule, market, after[rule.name]) for rule in rules_of(market)} == data
    assert [name for name in data if after[name] == now[name]] == []
    prices = ask(perp.group_id, {"q": "prices", "market": 1})["markets"][0]["rules"]
    assert (prices["step_ppm"], prices["band_ppm"], prices["stale_ms"], prices["full_sources"]) == (
        20_000,
        40_000,
        20_000,
        2,
    )
    assert ask(perp.group_id, {"q": "funding", "market": 1})["cap"] > 0
    assert (told(perp, 1)["band_ppm"], told(perp, 1)["min_lots"]) == (70_000, 2)


def test_a_change_is_tried_on_the_history_from_the_page(trade, venue, deployer, signed_in, monkeypatch):
    sent = []
    monkeypatch.setattr("venues.services.rule_changes._send_trial", sent.append)
    visitor = signed_in(deployer)
    form = reverse("deployer:new_change", args=[venue.pk, 0])
    assert "0.1% to 50%" in visitor.get(form).content.decode()
    refused = visitor.post(form, {"band": "99"})
    assert (refused.status_code, "Enter a value from 0.1% to 50%." in refused.content.decode()) == (422, True)
    page = visitor.post(form, {"band": "1", "min_size": "0.0001"}, follow=True)
    change = RuleChange.objects.get()
    assert "Price band" in page.content.decode() and "72 hours" in page.content.decode()
    address = reverse("deployer:change", args=[venue.pk, change.pk])
    assert (
        "Replaying the last 10000 commands"
        in visitor.post(f"{address}try/", {"commands": "10000"}, follow=True).content.decode()
    )
    assert refusal(try_change, deployer, change, 10_000) == "trial_runs"
    assert sent == [change.pk]
    run_trial(change.pk)
    change.refresh_from_db()
    assert change.trying_since is None
    assert (
        change.simulation["before"]["fees"]
        == change.simulation["after"]["fees"]
        == {str(trade.pk): 40_950_000}
    )
    shown = visitor.get(f"{address}trial/").content.decode()
    assert "Fees earned, USD" in shown and "<html" not in shown
    assert visitor.post(f"{address}propose/", {"words": "no"}).status_code == 422
    assert visitor.post(f"{address}propose/", {"words": WHY}).status_code == 302
    assert "Announced" in visitor.get(reverse("deployer:changes", args=[venue.pk])).content.decode()
