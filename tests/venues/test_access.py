"""Who may trade: the table of decisions, and what holds for all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venues.access import (
    CLAIMS,
    LEVELS,
    PRODUCTS,
    Held,
    Holder,
    Permission,
    Rules,
    Screened,
    decide,
    decide_all,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
TRUSTED, OTHER = 1, 2

FUND = Rules(level=2, blocked=frozenset({"KP", "US"}), issuers=frozenset({TRUSTED}))
GOOD = Held(1, TRUSTED, 2, "DE", LATER)


def somebody(*credentials: Held, **facts: object) -> Holder:
    return Holder(**{"email": "ann@example.com", "verified": True, **facts}, credentials=credentials)


@pytest.mark.parametrize(
    ("rules", "holder", "permission", "codes"),
    [
        (Rules(), Holder(), Permission.TRADE, []),
        (FUND, somebody(), Permission.REDUCE_ONLY, ["credential_missing"]),
        (FUND, somebody(GOOD), Permission.TRADE, []),
        (FUND, somebody(replace(GOOD, issuer=OTHER)), Permission.REDUCE_ONLY, ["credential_missing"]),
        (FUND, somebody(replace(GOOD, level=1)), Permission.REDUCE_ONLY, ["level_too_low"]),
        (FUND, somebody(replace(GOOD, level=3)), Permission.TRADE, []),
        (FUND, somebody(replace(GOOD, shared=False)), Permission.REDUCE_ONLY, ["consent_missing"]),
        (FUND, somebody(replace(GOOD, expires=NOW)), Permission.REDUCE_ONLY, ["credential_expired"]),
        (FUND, somebody(replace(GOOD, revoked=True)), Permission.REDUCE_ONLY, ["credential_revoked"]),
        (FUND, somebody(replace(GOOD, jurisdiction="US")), Permission.REDUCE_ONLY, ["jurisdiction_blocked"]),
        (FUND, somebody(GOOD, replace(GOOD, jurisdiction="KP")), Permission.REDUCE_ONLY, ["jurisdiction_blocked"]),
        (replace(FUND, allowed=frozenset({"FR"})), somebody(GOOD), Permission.REDUCE_ONLY,
         ["jurisdiction_not_allowed"]),
        (replace(FUND, claims=frozenset({"accredited"})), somebody(GOOD), Permission.REDUCE_ONLY, ["claim_missing"]),
        (replace(FUND, claims=frozenset({"adult"})), somebody(replace(GOOD, claims=frozenset({"adult"}))),
         Permission.TRADE, []),
        (replace(FUND, screening=True), somebody(GOOD), Permission.REDUCE_ONLY, ["screening_missing"]),
        (replace(FUND, screening=True), somebody(GOOD, screened=Screened.CLEAR), Permission.TRADE, []),
        (replace(FUND, screening=True), somebody(GOOD, screened=Screened.HIT), Permission.NONE, ["screening_hit"]),
        (FUND, somebody(GOOD, screened=Screened.HIT), Permission.TRADE, []),
        (replace(FUND, banned=frozenset({"ann@example.com"})), somebody(GOOD), Permission.NONE, ["banned"]),
        (Rules(guests=frozenset({"bob@example.com"})), somebody(), Permission.REDUCE_ONLY, ["not_a_guest"]),
        (Rules(guests=frozenset({"ann@example.com"})), somebody(), Permission.TRADE, []),
        (Rules(guests=frozenset({"ann@example.com"})), somebody(verified=False), Permission.REDUCE_ONLY,
         ["address_unverified"]),
    ],
)  # fmt: skip
def test_the_table(rules: Rules, holder: Holder, permission: Permission, codes: list[str]) -> None:
    decision = decide(rules, holder, "spot", NOW)
    assert (decision.permission, [each.code for each in decision.refusals]) == (permission, codes)
    assert all(each.rule.endswith(".") and each.remedy.endswith(".") for each in decision.refusals)


def test_a_kind_of_market_may_ask_for_more() -> None:
    rules = replace(FUND, level=1, products={"swap": 3})
    told = decide_all(rules, somebody(replace(GOOD, level=1)), NOW)
    assert {product: decision.permission for product, decision in told.items()} == {
        "spot": Permission.TRADE, "swap": Permission.REDUCE_ONLY, "outcome": Permission.TRADE,
    }  # fmt: skip
    assert told["swap"].refusals[0].code == "level_too_low"


def test_time_alone_ends_a_permission() -> None:
    decision = decide(FUND, somebody(GOOD), "spot", NOW)
    assert decision.until == LATER
    assert decide(FUND, somebody(GOOD), "spot", LATER).permission == Permission.REDUCE_ONLY


COUNTRIES = st.sampled_from(["DE", "US", "KP", "FR"])
SETS_OF = lambda values: st.frozensets(st.sampled_from(values))  # noqa: E731
helds = st.builds(
    Held,
    id=st.integers(1, 99),
    issuer=st.sampled_from([TRUSTED, OTHER, 3]),
    level=st.integers(1, 3),
    jurisdiction=COUNTRIES,
    expires=st.sampled_from([NOW - timedelta(days=1), NOW, LATER]),
    claims=SETS_OF(list(CLAIMS)),
    revoked=st.booleans(),
    shared=st.booleans(),
)
policies = st.builds(
    Rules,
    level=st.sampled_from(list(LEVELS)),
    products=st.dictionaries(st.sampled_from(list(PRODUCTS)), st.integers(0, 3)),
    claims=SETS_OF(list(CLAIMS)),
    allowed=SETS_OF(["DE", "US", "FR"]),
    blocked=SETS_OF(["US", "KP"]),
    issuers=SETS_OF([TRUSTED, OTHER]),
    guests=SETS_OF(["ann@example.com", "bob@example.com"]),
    banned=SETS_OF(["ann@example.com"]),
    screening=st.booleans(),
)
holders = st.builds(
    Holder,
    email=st.sampled_from(["ann@example.com", "bob@example.com", ""]),
    verified=st.booleans(),
    credentials=st.lists(helds, max_size=3).map(tuple),
    screened=st.sampled_from(list(Screened)),
)
products = st.sampled_from(list(PRODUCTS))


@settings(max_examples=300, deadline=None)
@given(policies, holders, helds, products)
def test_one_more_credential_takes_nothing_away_unless_it_names_a_blocked_jurisdiction(
    rules: Rules, holder: Holder, more: Held, product: str
) -> None:
    if more.jurisdiction in rules.blocked:
        return
    before = decide(rules, holder, product, NOW).permission
    after = decide(rules, replace(holder, credentials=(*holder.credentials, more)), product, NOW).permission
    assert after >= before


@settings(max_examples=300, deadline=None)
@given(policies, holders, helds, products)
def test_a_blocked_jurisdiction_always_wins(rules: Rules, holder: Holder, held: Held, product: str) -> None:
    counts = replace(held, jurisdiction="KP", issuer=TRUSTED, revoked=False, shared=True, expires=LATER)
    strict = replace(rules, blocked=rules.blocked | {"KP"}, issuers=rules.issuers | {TRUSTED})
    decision = decide(strict, replace(holder, credentials=(*holder.credentials, counts)), product, NOW)
    assert decision.permission < Permission.TRADE
    assert "jurisdiction_blocked" in {each.code for each in decision.refusals}


@settings(max_examples=200, deadline=None)
@given(policies, holders, products)
def test_a_decision_is_the_strictest_of_its_rules_and_survives_being_kept(
    rules: Rules, holder: Holder, product: str
) -> None:
    decision = decide(rules, holder, product, NOW)
    assert decision.permission == min((each.leaves for each in decision.refusals), default=Permission.TRADE)
    kept = Rules.from_json(rules.to_json())
    assert decide(kept, holder, product, NOW) == decision
    assert Rules.from_json(kept.to_json()) == kept


def test_open_rules_are_nothing_at_all() -> None:
    assert Rules().to_json() == {}
    assert Rules().is_open
    assert not FUND.is_open
