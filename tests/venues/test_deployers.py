"""Registration and stake."""

import pytest

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_balance, wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.ledger.books import picture
from tests.venues.conftest import draft_of, give
from venues.models import Deployer
from venues.selectors import min_stake, stake_standing
from venues.services import launch_venue, register_deployer, stake, unbond_stake

pytestmark = pytest.mark.django_db
OKB = 10**8


def test_to_register_and_to_be_renamed(newcomer):
    register_deployer(newcomer, "  South   Labs ")
    assert Deployer.objects.get(user=newcomer).name == "South Labs"
    register_deployer(newcomer, "Far South")
    assert Deployer.objects.get(user=newcomer).name == "Far South"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give a name of 3 to 60 characters that traders will see."),
        ("ab", "Give a name of 3 to 60 characters that traders will see."),
        ("x" * 61, "Give a name of 3 to 60 characters that traders will see."),
        (
            "a\x00bc",
            "It holds an invisible sign (U+0000) that could mislead readers; type it anew without it.",
        ),
    ],
)
def test_a_wrong_name_is_refused(newcomer, name, sentence):
    with pytest.raises(DomainError) as refused:
        register_deployer(newcomer, name)
    assert refused.value.message == sentence
    assert not Deployer.objects.exists()


def test_stake_moves_from_the_wallet(deployer):
    standing = stake(deployer, 100 * OKB)
    assert (standing.held, standing.free, standing.short_for_next) == (1600 * OKB, 1600 * OKB, 0)
    assert wallet_balance(deployer.pk, Asset.objects.get(symbol="OKB")) == 400 * OKB
    assert check_ledger().sound


def test_more_than_the_wallet_holds_is_refused(deployer):
    before = picture()
    with pytest.raises(DomainError) as refused:
        stake(deployer, 501 * OKB)
    assert (
        refused.value.message == "Your wallet holds 500 OKB; take test funds from the faucet or stake less."
    )
    assert picture() == before


def test_who_is_no_deployer_stakes_nothing(newcomer):
    give(newcomer, "10", "OKB")
    before = picture()
    for act in (stake, unbond_stake):
        with pytest.raises(DomainError) as refused:
            act(newcomer, 1)
        assert refused.value.code == "not_a_deployer"
    assert picture() == before


def test_stake_that_backs_a_venue_cannot_leave(deployer):
    launch_venue(deployer, draft_of(deployer))
    before = picture()
    with pytest.raises(DomainError) as refused:
        unbond_stake(deployer, 500 * OKB + 1)
    assert (refused.value.code, refused.value.field) == ("stake_in_use", "amount")
    assert refused.value.message == "Your venues need 1,000 OKB of stake; 500 OKB can be released."
    assert picture() == before
    assert unbond_stake(deployer, 500 * OKB).remaining == 500 * OKB
    assert (stake_balance(deployer.pk), stake_standing(deployer.pk).free) == (1000 * OKB, 0)
    assert check_ledger().sound


def test_what_is_needed_without_any_stake(newcomer):
    standing = stake_standing(newcomer.pk)
    assert (standing.held, standing.backing, standing.short_for_next) == (0, 0, 1000 * OKB)


def test_the_dearest_kind_of_market_says_what_a_venue_needs(deployer, settings):
    settings.MIN_STAKES = {"spot": "1000", "swap": "1200", "outcome": "400", "front": "250"}
    assert min_stake(["outcome"]) == 400 * OKB
    assert min_stake(["spot", "swap", "outcome"]) == 1200 * OKB
    launch_venue(deployer, draft_of(deployer))
    assert stake_standing(deployer.pk).backing == 1000 * OKB
    assert stake_standing(deployer.pk, ["outcome"]).short_for_next == 0
    assert stake_standing(deployer.pk, ["swap"]).short_for_next == 700 * OKB
