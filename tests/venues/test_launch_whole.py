"""A whole launch: assets that it reserves are issued when it opens or given back; templates, clones and logos."""

import io

import pytest
from PIL import Image

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import add_stake, check_ledger, set_grade
from exchange_os.oracles.models import PriceSource
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, VENUE, give
from tests.venues.test_contract_specs import EVENT, PERPETUAL
from venues.errors import Refusals
from venues.launch_templates import TEMPLATES
from venues.models import Event, Market, Venue, VenueState
from venues.selectors import instruments_of, stake_standing
from venues.services import drive_launch, launch_venue
from venues.services.asking import ask
from venues.services.collateral import tell_collateral
from venues.services.drafts import new_draft, save_assets_step, save_parts_step, save_venue_step
from venues.services.filling import draft_from_template, draft_from_venue
from venues.services.logos import forget_unused_logos, keep_logo
from venues.specs import venue_spec

pytestmark = pytest.mark.django_db(transaction=True)
OKB = 10**8
GOLD = {"symbol": "GOLD", "name": "Gold", "scale": "2", "supply": "1000"}
GOLD_USD = {**BTC_USD, "base": "GOLD", "lot_size": "0.01", "reference_price": "100"}
BOOK = {"venue": VENUE, "assets": [GOLD], "markets": [GOLD_USD, {**PERPETUAL}, EVENT]}


def png(width=64, height=64, kind="PNG", **more):
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#e8590c").save(out, kind, **more)
    return out.getvalue()


def test_a_launch_issues_its_assets_when_it_opens(clean_redis, local_worker, deployer):
    made = launch_venue(deployer, new_draft(deployer, BOOK))
    gold = Asset.objects.get(symbol="GOLD")
    assert (gold.reserved_units, wallet_balance(deployer.pk, gold)) == (100_000, 0)
    assert drive_launch(made.pk) == VenueState.OPEN
    gold.refresh_from_db()
    assert (gold.reserved_units, gold.issuer_id, wallet_balance(deployer.pk, gold)) == (
        None,
        deployer.pk,
        100_000,
    )
    assert [item.symbol for item in instruments_of(made)][:2] == ["GOLD-USD", "BTC-USD-SWAP"]
    assert check_ledger().sound


def test_a_refused_launch_gives_back_all_it_reserved_and_its_draft_launches_mended(
    clean_redis, local_worker, deployer
):
    before = picture()
    draft = new_draft(deployer, BOOK)
    made = launch_venue(deployer, draft)
    assert PriceSource.objects.filter(group_id=made.group_id).count() == 2
    Market.objects.filter(venue=made, number=1).update(taker_fee_ppm=900_000)
    assert drive_launch(made.pk) == VenueState.FAILED
    assert not Asset.objects.filter(symbol="GOLD").exists()
    assert not PriceSource.objects.filter(group_id=made.group_id).exists()
    assert (Market.objects.count(), Event.objects.count(), picture()) == (0, 0, before)
    assert stake_standing(deployer.pk).free == 1500 * OKB
    again = launch_venue(deployer, draft)
    assert (again.slug, drive_launch(again.pk)) == ("north", VenueState.OPEN)
    assert Asset.objects.get(symbol="GOLD").reserved_units is None


@pytest.mark.parametrize(
    ("assets", "field", "code"),
    [
        ([{**GOLD, "symbol": "SILVER"}], "asset-0-symbol", "asset_unused"),
        ([GOLD, GOLD], "asset-1-symbol", "symbol_taken"),
        ([{**GOLD, "symbol": "USDT"}], "asset-0-symbol", "symbol_reserved"),
        ([{**GOLD, "supply": "1e30"}], "asset-0-supply", "amount_too_large"),
        ([{**GOLD, "scale": "9"}], "asset-0-scale", "scale_invalid"),
        ([], "market-0-base", "asset_unlisted"),
    ],
)
def test_a_wrong_asset_launches_nothing(clean_redis, deployer, assets, field, code):
    draft = new_draft(deployer, {**BOOK, "assets": assets})
    before, count = picture(), Asset.objects.count()
    with pytest.raises(Refusals) as refused:
        launch_venue(deployer, draft)
    assert refused.value.errors[field].code == code
    assert (picture(), Asset.objects.count(), Venue.objects.count()) == (before, count, 0)


def test_a_symbol_that_another_launch_reserves_is_refused_without_a_trace(clean_redis, deployer):
    launch_venue(deployer, new_draft(deployer, BOOK))
    give(deployer, "1000", "OKB")
    add_stake(deployer, 500 * OKB)
    second = new_draft(deployer, {**BOOK, "venue": {**VENUE, "slug": "south"}})
    with pytest.raises(Refusals) as refused:
        launch_venue(deployer, second)
    assert refused.value.errors["asset-0-symbol"].code == "symbol_taken"
    assert Venue.objects.count() == 1


@pytest.mark.parametrize("key", [template.key for template in TEMPLATES])
def test_every_template_launches_as_it_is_and_twice(clean_redis, local_worker, deployer, key):
    give(deployer, "1000", "OKB")
    add_stake(deployer, 500 * OKB)
    for number in (1, 2):
        made = launch_venue(deployer, draft_from_template(deployer, key))
        assert (drive_launch(made.pk), made.slug.endswith("-2")) == (VenueState.OPEN, number == 2)
    assert len(instruments_of(made)) == made.markets.count() > 0
    made.refresh_from_db()
    asked = made.access_policy.rules if made.access_policy else {}
    assert asked.get("level", 0) == (2 if key == "fund" else 0)


def test_a_clone_is_the_same_venue_elsewhere(clean_redis, local_worker, deployer, newcomer):
    event = {**EVENT, "event_kind": "multiple", "outcomes": "Sun\nRain"}
    spot = {**BTC_USD, "min_size": "0.0003", "collateral": "yes"}
    logo = keep_logo(deployer, png())
    data = {"venue": {**VENUE, "logo": logo.digest}, "markets": [spot, PERPETUAL, event]}
    first = launch_venue(deployer, new_draft(deployer, data))
    assert drive_launch(first.pk) == VenueState.OPEN
    give(deployer, "1000", "OKB")
    add_stake(deployer, 500 * OKB)
    with pytest.raises(DomainError) as refused:
        draft_from_venue(newcomer, first.pk)
    assert refused.value.code == "venue_unknown"
    second = launch_venue(deployer, draft_from_venue(deployer, first.pk))
    assert drive_launch(second.pk) == VenueState.OPEN
    assert (second.slug, second.logo, second.accent) == ("north-2", logo.digest, first.accent)
    same = (
        "symbol",
        "tick_size",
        "lot_size",
        "min_size_lots",
        "reference_ticks",
        "band_ppm",
        "taker_fee_ppm",
        "params",
    )
    assert list(first.markets.values(*same)) == list(second.markets.values(*same))
    assert [e.rules for e in first.events.all()] == [e.rules for e in second.events.all()]


def test_steps_of_a_draft_leave_one_another_alone(deployer):
    draft = new_draft(deployer, BOOK)
    keys = [market["key"] for market in draft.data["markets"]]
    save_parts_step(
        draft, ["taker_fee_percent"], [{"key": keys[1], "taker_fee_percent": "0.9", "base": "ETH"}]
    )
    save_assets_step(draft, [])
    save_venue_step(draft, {"name": "Renamed"})
    draft.refresh_from_db()
    assert [market["taker_fee_percent"] for market in draft.data["markets"]] == ["0.05", "0.9", ""]
    assert (draft.data["markets"][1]["base"], draft.data["assets"]) == ("BTC", [])
    assert draft.data["venue"]["name"] == "Renamed"


def test_base_assets_count_as_collateral_by_their_grade(clean_redis, local_worker, deployer):
    spot = {**BTC_USD, "collateral": "yes"}
    ungraded = new_draft(deployer, {**BOOK, "markets": [{**GOLD_USD, "collateral": "yes"}, PERPETUAL]})
    with pytest.raises(Refusals) as refused:
        launch_venue(deployer, ungraded)
    assert refused.value.errors["market-0-collateral"].code == "collateral_ungraded"
    made = launch_venue(deployer, new_draft(deployer, {"venue": VENUE, "markets": [spot, PERPETUAL]}))
    assert drive_launch(made.pk) == VenueState.OPEN
    assert ask(made.group_id, {"q": "market", "market": 0})["market"]["phase"] == 2
    assert (tell_collateral(), tell_collateral()) == (1, 0)
    set_grade(Asset.objects.get(symbol="BTC"), "D", None, "Proposal 9.")
    assert (tell_collateral(), tell_collateral()) == (1, 0)
    assert made.markets.get(number=0).params == {"collateral": True, "haircut_ppm": 1_000_000}


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "logo_svg"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>", "logo_svg"),
        (b"<svg>" + b" " * 10_000_000, "logo_too_large"),
        (b"GIF89a" + b"\0" * 100, "logo_unreadable"),
        (png()[:60], "logo_unreadable"),
        (b"", "logo_unreadable"),
        (png(5000, 5000), "logo_size"),
        (png(20, 20), "logo_size"),
    ],
)
def test_a_hostile_logo_is_refused_with_the_reason(deployer, upload, code):
    with pytest.raises(DomainError) as refused:
        keep_logo(deployer, upload)
    assert (refused.value.code, refused.value.field) == (code, "logo")


@pytest.mark.parametrize(("kind", "more"), [("PNG", {}), ("JPEG", {"comment": b"<script>"}), ("WEBP", {})])
def test_a_logo_is_made_anew_in_fixed_sizes(client, deployer, kind, more):
    logo = keep_logo(deployer, png(300, 100, kind, **more))
    assert keep_logo(deployer, png(300, 100, kind, **more)) == logo
    for size, kept in ((64, logo.small), (256, logo.large)):
        made = Image.open(io.BytesIO(bytes(kept)))
        assert (made.format, made.size, b"script" in bytes(kept)) == ("WEBP", (size, size), False)
    forget_unused_logos(deployer)
    assert type(logo).objects.count() == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("North\u202eegnahcxE", "text_hidden"),
        ("North\u200b Exchange", "text_hidden"),
        ("N\u043erth Exchange", "name_mixed"),
        ("N0rth Exchan9e 0fficial", "name_reserved"),
        ("Exchange-OS", "name_reserved"),
        ("N0RTH  EXCHANGE", "name_lookalike"),
        ("<b>", None),
        ("No", "name_invalid"),
        ("x" * 41, "name_invalid"),
    ],
)
def test_a_name_is_plain_and_nobody_elses(clean_redis, deployer, newcomer, name, code):
    launch_venue(deployer, new_draft(deployer, {"venue": VENUE, "markets": [BTC_USD]}))
    wanted = {**VENUE, "name": name, "slug": "elsewhere"}
    if code is None:
        assert venue_spec(wanted, newcomer.pk).name == name
        return
    with pytest.raises(Refusals) as refused:
        venue_spec(wanted, newcomer.pk)
    assert (refused.value.errors["name"].code, len(refused.value.errors)) == (code, 1)
    if code == "name_lookalike":
        assert venue_spec(wanted, deployer.pk).name == "N0RTH EXCHANGE"
