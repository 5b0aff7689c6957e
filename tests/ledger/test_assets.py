"""Assets, amounts and the faucet."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.faucet import TestNetworkFaucet
from exchange_os.ledger.models import Asset, Grade, GradeChange
from exchange_os.ledger.selectors import (
    amount_text,
    asset_by_symbol,
    holders_of,
    supply_of,
    to_units,
    wallet_balance,
)
from exchange_os.ledger.services import (
    asset_spec,
    check_ledger,
    create_asset,
    give_back_symbols,
    issue_asset,
    lookalikes,
    reserve_asset,
    seed_assets,
    set_grade,
)
from tests.ledger.books import picture

pytestmark = pytest.mark.django_db


def test_the_platform_lists_its_own_assets_once():
    seed_assets()
    assert list(Asset.objects.order_by("symbol").values_list("symbol", "scale", "issuer", "faucet")) == [
        ("BTC", 8, None, True),
        ("ETH", 8, None, True),
        ("OKB", 8, None, True),
        ("USD", 6, None, True),
    ]


def test_a_new_asset_is_issued_whole_to_its_issuer(maker):
    gold = create_asset(maker, symbol="gold", name=" Gold  token ", scale=3, supply="21000.5")
    assert (gold.symbol, gold.name, gold.scale, gold.issuer_id, gold.faucet) == (
        "GOLD",
        "Gold token",
        3,
        maker.pk,
        False,
    )
    assert wallet_balance(maker.pk, gold) == 21_000_500
    assert check_ledger().sound


@pytest.mark.parametrize(
    ("change", "code", "field", "sentence"),
    [
        ({"symbol": "G"}, "symbol_invalid", "symbol",
         "A symbol is 2 to 10 letters A to Z or digits, for example GOLD."),
        ({"symbol": "GO-LD"}, "symbol_invalid", "symbol", None),
        ({"symbol": "ELEVENCHARS"}, "symbol_invalid", "symbol", None),
        ({"symbol": "GÖLD"}, "symbol_invalid", "symbol", None),
        ({"symbol": "btc"}, "symbol_taken", "symbol",
         "BTC is already listed; choose another symbol or use that asset."),
        (
            {"symbol": "8TC"}, "symbol_lookalike", "symbol",
            "8TC looks like BTC. Choose another symbol, or confirm that you mean this one.",
        ),
        ({"symbol": "USDT"}, "symbol_reserved", "symbol",
         "USDT is the symbol of something known everywhere and cannot be issued; choose another."),
        ({"name": "Gold\u202edlog"}, "text_hidden", "name",
         "It holds an invisible sign (U+202E) that could mislead readers; type it anew without it."),
        ({"name": "Go\u200bld"}, "text_hidden", "name", None),
        ({"name": "G\u043eld"}, "name_mixed", "name",
         "It mixes alphabets whose letters look alike; write it in one alphabet."),
        ({"name": "0fficia1 gold"}, "name_reserved", "name",
         "It reads like “official”, which only the platform may call itself; choose another name."),
        ({"name": "Bitc0in (test)"}, "name_lookalike", "name",
         "The name cannot be told from that of BTC (Bitcoin (test)); choose another."),
        ({"name": "x"}, "name_invalid", "name", "Give the asset a name of 2 to 60 characters."),
        ({"scale": 9}, "scale_invalid", "scale", "An asset has 0 to 8 decimals."),
        ({"scale": -1}, "scale_invalid", "scale", None),
        ({"supply": "0"}, "amount_invalid", "supply", "Enter an amount above zero, for example 12.5."),
        ({"supply": "NaN"}, "amount_invalid", "supply", None),
        ({"supply": "1.0001"}, "amount_too_fine", "supply", "GOLD has 3 decimals at most; shorten the amount."),
        ({"supply": "1000000000000001"}, "supply_too_large", "supply",
         "At 3 decimals the supply is at most 1,000,000,000,000,000."),
        ({"supply": "1e30"}, "amount_too_large", "supply", None),
    ],
)  # fmt: skip
def test_a_wrong_asset_is_refused_at_its_field(maker, change, code, field, sentence):
    before, assets = picture(), Asset.objects.count()
    wanted = {"symbol": "GOLD", "name": "Gold", "scale": 3, "supply": "1000", **change}
    with pytest.raises(DomainError) as refused:
        create_asset(maker, **wanted)
    assert (refused.value.code, refused.value.field) == (code, field)
    if sentence:
        assert refused.value.message == sentence
    assert (picture(), Asset.objects.count()) == (before, assets)


def test_a_reserved_symbol_is_nobodys_until_it_is_issued_or_given_back(maker):
    spec = asset_spec(maker, symbol="GOLD", name="Gold", scale=2, supply="10")
    gold = reserve_asset(maker, spec)
    with pytest.raises(DomainError) as unlisted:
        asset_by_symbol("GOLD")
    assert unlisted.value.code == "asset_unlisted"
    with pytest.raises(DomainError) as taken:
        reserve_asset(maker, spec)
    assert (taken.value.code, wallet_balance(maker.pk, gold)) == ("symbol_taken", 0)
    give_back_symbols([gold.pk])
    again = reserve_asset(maker, spec)
    issue_asset(again)
    issue_asset(again)
    give_back_symbols([again.pk])
    assert (asset_by_symbol("GOLD"), wallet_balance(maker.pk, again)) == (again, 1000)
    assert (supply_of(again), holders_of(again)) == (1000, 1)


def test_a_grade_is_the_operators_and_its_changes_are_kept(maker):
    gold = create_asset(maker, symbol="GOLD", name="Gold", scale=0, supply="10")
    operator = get_user_model().objects.create_user("operator", is_staff=True)
    assert (gold.grade, Grade(gold.grade).haircut_ppm, Asset.objects.get(symbol="BTC").grade) == (
        "D",
        10**6,
        "B",
    )
    for by, grade, reason, code in (
        (maker, "A", "Because I say so.", "not_allowed"),
        (operator, "E", "A typing error.", "grade_invalid"),
        (operator, "B", " ", "reason_missing"),
    ):
        with pytest.raises(DomainError) as refused:
            set_grade(gold, grade, by, reason)
        assert (refused.value.code, GradeChange.objects.count()) == (code, 0)
    assert set_grade(gold, "C", operator, "Two venues quote it.").grade == "C"
    assert set_grade(gold, "D", None, "Proposal 7.").grade == "D"
    kept = list(GradeChange.objects.values_list("before", "grade", "by", "reason"))
    assert kept == [("C", "D", None, "Proposal 7."), ("D", "C", operator.pk, "Two venues quote it.")]
    with pytest.raises(IntegrityError), transaction.atomic():
        GradeChange.objects.update(reason="rewritten")


def test_a_lookalike_may_be_confirmed(maker):
    assert lookalikes("0KB") == ["OKB"]
    assert create_asset(maker, symbol="0KB", name="Zero", scale=0, supply="5", confirmed=True).symbol == "0KB"


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (0, 6, "0"),
        (1, 8, "0.00000001"),
        (1_500_000, 6, "1.5"),
        (100, 0, "100"),
        (10**18, 8, "10000000000"),
        (-5, 1, "-0.5"),
    ],
)
def test_amounts_are_canonical_decimals(units, scale, text):
    assert amount_text(units, Asset(symbol="XX", scale=scale)) == text
    if units > 0:
        assert to_units(text, Asset(symbol="XX", scale=scale)) == units


def test_amounts_with_thousands_and_decimals(usd):
    assert to_units(" 1,234.5 ", usd) == 1_234_500_000
    assert to_units(Decimal("0.000001"), usd) == 1


def test_an_unlisted_asset_is_refused():
    with pytest.raises(DomainError) as refused:
        asset_by_symbol("nope")
    assert refused.value.message == "No asset NOPE is listed; choose one or create it first."


def test_the_faucet_gives_portions_until_the_day_is_used_up(maker, taker, usd):
    faucet = TestNetworkFaucet(claims_per_day=2)
    assert [faucet.claim(maker, usd), faucet.claim(maker, usd)] == [100_000_000_000] * 2
    before = picture()
    with pytest.raises(DomainError) as refused:
        faucet.claim(maker, usd)
    assert refused.value.code == "faucet_limit"
    assert refused.value.message == "You have had today's 2 portions of USD; come back after midnight UTC."
    assert picture() == before
    assert {offer.asset.symbol: offer.left for offer in faucet.offers(maker)} == {
        "OKB": 2,
        "USD": 0,
        "BTC": 2,
        "ETH": 2,
    }
    assert faucet.claim(taker, usd) == 100_000_000_000
    assert check_ledger().sound


def test_the_faucet_has_no_asset_of_a_deployer(maker):
    gold = create_asset(maker, symbol="GOLD", name="Gold", scale=0, supply="10")
    before = picture()
    with pytest.raises(DomainError) as refused:
        TestNetworkFaucet().claim(maker, gold)
    assert refused.value.message == "The faucet has no GOLD; only its issuer can hand it out."
    assert picture() == before
