"""Deployers: to become one, to put up stake, to take back what backs nothing."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_words
from exchange_os.ledger.services import add_stake, begin_unbonding
from venues.models import Deployer
from venues.selectors import StakeStanding, deployer_of, stake_standing
from venues.services.capacity import send_sweep


def register_deployer(user: AbstractBaseUser, name: str) -> Deployer:
    """Make the user a deployer, or rename the deployer that they are; ``name_invalid`` outside 3 to 60 characters."""
    name = " ".join(name.split())
    if not 3 <= len(name) <= 60 or not name.isprintable():
        raise DomainError(
            "name_invalid", "Give a name of 3 to 60 characters that traders will see.", field="name"
        )
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


def release_stake(user: AbstractBaseUser, amount: int) -> StakeStanding:
    """Begin to unbond ``amount`` units of stake that backs no venue; answers the new standing.

    Raises ``not_a_deployer``, ``stake_in_use`` if venues need it. The deployer's row is the lock that a launch takes
    too, so stake cannot leave while a venue is being launched on it.
    """
    with transaction.atomic():
        deployer = require_deployer(user)
        Deployer.objects.select_for_update().get(pk=deployer.pk)
        standing = stake_standing(user.pk)
        if amount > standing.free:
            raise DomainError(
                "stake_in_use",
                f"Your venues need {amount_words(standing.backing, standing.asset)} of stake; "
                f"{amount_words(standing.free, standing.asset)} can be released.",
                field="amount",
            )
        begin_unbonding(user.pk, amount)
        transaction.on_commit(send_sweep)
    return stake_standing(user.pk)
