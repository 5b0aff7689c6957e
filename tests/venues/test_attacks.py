"""What a deployer may try against others, where no other test does; `docs/attacks.md` names the rest."""

import pytest

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import create_asset
from exchange_os.ledger.services.assets import set_grade
from tests.venues.conftest import BTC_USD, VENUE, draft_of, give
from tests.venues.test_contract_specs import EVENT, PERPETUAL
from venues.errors import Refusals
from venues.models import Venue
from venues.services.drafts import MAX_DRAFTS, new_draft
from venues.specs import MAX_MARKETS, market_spec, market_specs
from venues.steps import KEYS

pytestmark = pytest.mark.django_db
MARKUP = "<script>alert(1)</script>{{ 7|add:7 }}{% now 'Y' %}"


def refusals_of(act, *args):
    """Codes of what is refused, by field."""
    with pytest.raises(Refusals) as refused:
        act(*args)
    return {field: each.code for field, each in refused.value.errors.items()}


def test_stake_is_neither_collateral_nor_settlement_of_what_it_backs(deployer):
    okb = Asset.objects.get(symbol="OKB")
    set_grade(okb, "A", None, "Even at the best grade.")
    spot = {**BTC_USD, "base": "OKB", "reference_price": "50", "tick_size": "0.01"}
    assert market_spec(spot), "it may be traded"
    assert refusals_of(market_spec, {**spot, "collateral": "yes"}) == {"collateral": "collateral_is_stake"}
    for listing in (PERPETUAL, EVENT):
        found = refusals_of(market_specs, [{**listing, "quote": "OKB"}])
        assert found["market-0-quote"] == "settlement_unpriced"


def test_a_deployers_own_token_secures_nothing(deployer):
    create_asset(deployer, symbol="GOLD", name="Gold", scale=2, supply="1000000")
    own = {**BTC_USD, "base": "GOLD", "lot_size": "1", "tick_size": "0.01", "reference_price": "5"}
    assert refusals_of(market_spec, {**own, "collateral": "yes"}) == {"collateral": "collateral_ungraded"}
    found = refusals_of(market_specs, [{**PERPETUAL, "quote": "GOLD"}])
    assert found["market-0-quote"] == "settlement_unpriced"


def test_a_launch_and_its_drafts_are_bounded(deployer):
    found = refusals_of(market_specs, [BTC_USD] * (MAX_MARKETS + 1))
    assert found["markets"] == "too_many_markets"
    for _ in range(MAX_DRAFTS):
        new_draft(deployer)
    with pytest.raises(DomainError) as full:
        new_draft(deployer)
    assert full.value.code == "too_many_drafts"
    assert Venue.objects.count() == 0


def test_markup_and_templates_in_any_text_of_a_launch_stay_text(signed_in, deployer):
    give(deployer, "1", "USD")
    event = {
        **EVENT, "kind": "outcome", "title": f"Rain? {MARKUP}", "rules": f"It rains. {MARKUP}",
        "source": f"A station {MARKUP}", "outcomes": f"Yes {MARKUP}\nNo",
    }  # fmt: skip
    spot = {**BTC_USD, "kind": "spot", "base": MARKUP[:60], "reference_price": MARKUP}
    draft = draft_of(deployer, {**VENUE, "description": MARKUP, "accent": MARKUP}, event, spot)
    visitor = signed_in(deployer)
    for step in KEYS:
        shown = visitor.get(f"/launch/{draft.pk}/{step}/").content.decode()
        assert "<script>alert" not in shown
        if step in ("venue", "markets"):
            assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in shown
    assert Venue.objects.count() == 0
