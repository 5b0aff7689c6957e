"""Registration and stake."""

import pytest

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_balance, wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.ledger.books import picture
from tests.venues.conftest import draft_of, give
from venues.models import Deployer
from venues.selectors import stake_standing
from venues.services import launch_venue, register_deployer, release_stake, stake

pytestmark = pytest.mark.django_db
OKB = 10**8


def test_to_register_and_to_be_renamed(newcomer):
    register_deployer(newcomer, "  South   Labs ")
    assert Deployer.objects.get(user=newcomer).name == "South Labs"
    register_deployer(newcomer, "Far South")
    assert Deployer.objects.get(user=newcomer).name == "Far South"


@pytest.mark.parametrize("name", ["", "ab", "x" * 61, "a\x00bc"])
def test_a_wrong_name_is_refused(newcomer, name):
    with pytest.raises(DomainError) as refused:
        register_deployer(newcomer, name)
    assert refused.value.message == "Give a name of 3 to 60 characters that traders will see."
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
    for act in (stake, release_stake):
        with pytest.raises(DomainError) as refused:
            act(newcomer, 1)
        assert refused.value.code == "not_a_deployer"
    assert picture() == before


def test_stake_that_backs_a_venue_cannot_leave(deployer):
    launch_venue(deployer, draft_of(deployer))
    before = picture()
    with pytest.raises(DomainError) as refused:
        release_stake(deployer, 500 * OKB + 1)
    assert (refused.value.code, refused.value.field) == ("stake_in_use", "amount")
    assert refused.value.message == "Your venues need 1,000 OKB of stake; 500 OKB can be released."
    assert picture() == before
    assert release_stake(deployer, 500 * OKB).free == 0
    assert stake_balance(deployer.pk) == 1000 * OKB
    assert check_ledger().sound


def test_what_is_needed_without_any_stake(newcomer):
    standing = stake_standing(newcomer.pk)
    assert (standing.held, standing.backing, standing.short_for_next) == (0, 0, 1000 * OKB)
