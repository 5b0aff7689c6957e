"""Deployers: to become one, to put up stake, to take back what backs nothing."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import StakeRelease
from exchange_os.ledger.selectors import amount_words
from exchange_os.ledger.services import add_stake, begin_unbonding
from exchange_os.ledger.words import check_name_letters
from venues.models import Deployer
from venues.selectors import StakeStanding, deployer_of, live_venues, stake_standing
from venues.services.capacity import loads_of, send_sweep, stake_in_use


def register_deployer(user: AbstractBaseUser, name: str) -> Deployer:
    """Make the user a deployer, or rename the deployer that they are.

    Raises ``name_invalid`` outside 3 to 60 characters, and as ``check_name_letters``.
    """
    name = " ".join(name.split())
    if not 3 <= len(name) <= 60:
        raise DomainError(
            "name_invalid", "Give a name of 3 to 60 characters that traders will see.", field="name"
        )
    check_name_letters(name, field="name")
    deployer, _ = Deployer.objects.update_or_create(user_id=user.pk, defaults={"name": name})
    return deployer


def require_deployer(user: AbstractBaseUser) -> Deployer:
    """The user as a deployer, or ``not_a_deployer``."""
    deployer = deployer_of(user.pk)
    if deployer is None:
        raise DomainError("not_a_deployer", "Register as a deployer first.")
    return deployer


def stake(user: AbstractBaseUser, amount: int) -> StakeStanding:
    """Move ``amount`` units of the stake asset from the wallet to stake; answers the new standing.

    Raises ``not_a_deployer``, ``insufficient_funds``.
    """
    require_deployer(user)
    with transaction.atomic():
        add_stake(user, amount)
        transaction.on_commit(send_sweep)
    return stake_standing(user.pk)


def unbond_stake(user: AbstractBaseUser, amount: int) -> StakeRelease:
    """Begin to unbond ``amount`` units of stake that no minimum and no open interest needs.

    Raises ``not_a_deployer``, ``stake_in_use`` if venues need it, ``venue_away`` if one cannot be asked, and as
    ``begin_unbonding``. The deployer's row is the lock that a launch takes too, so stake cannot leave while a venue is
    being launched on it. Where a venue opens more meanwhile, its kernel takes no new risk once it
    hears of the lower capacity.
    """
    with transaction.atomic():
        deployer = require_deployer(user)
        Deployer.objects.select_for_update().get(pk=deployer.pk)
        check_release(deployer, amount)
        release = begin_unbonding(user.pk, amount)
        transaction.on_commit(send_sweep)
    return release


def check_release(deployer: Deployer, amount: int) -> None:
    """Refuse to let ``amount`` units go that a minimum or open interest needs. Raises as ``unbond_stake``."""
    standing = stake_standing(deployer.user_id)
    asset = standing.asset
    if amount > standing.free:
        raise DomainError(
            "stake_in_use",
            f"Your venues need {amount_words(standing.backing, asset)} of stake; "
            f"{amount_words(standing.free, asset)} can be released.",
            field="amount",
        )
    shared_by = standing.shared_by
    loads = loads_of(live_venues().filter(deployer=deployer), standing.held - amount, shared_by)
    for load in loads:
        if load.used is None:
            raise DomainError(
                "venue_away",
                f"{load.venue.name} cannot say how much it carries right now; try again in a moment.",
                field="amount",
            )
    over = [load for load in loads if (load.used or 0) > load.limit]
    if over:
        left = max(0, standing.held - stake_in_use(loads, shared_by))
        raise DomainError(
            "stake_in_use",
            f"{over[0].venue.name} carries {amount_words(over[0].used or 0, over[0].settlement)} of open interest, "
            f"which needs this stake. {amount_words(min(left, standing.free), asset)} can be released now; "
            "more when positions close.",
            field="amount",
        )
