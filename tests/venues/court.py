"""A venue with as many questions as a test asks for, and people with bonds."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Sum

from exchange_os.ledger.models import AccountKind, LedgerAccount
from exchange_os.ledger.selectors import balance, stake_asset, stake_balance, wallet_balance
from tests.venues.conftest import give
from tests.venues.test_contract_specs import TEAMS
from tests.venues.test_events import SEEN
from venues.event_specs import event_spec
from venues.models import (
    PPM,
    UNDECIDED,
    Dispute,
    Event,
    EventState,
    Venue,
)
from venues.services import (
    add_market,
    drive_launch,
    open_dispute,
    propose_result,
)
from venues.services.disputes import bond_units

REASON = "The airport reports 0 mm for that day."


class Court:
    """A venue with as many questions as a test asks for, and people with bonds."""

    def __init__(self, venue: Venue, deployer: AbstractBaseUser) -> None:
        self.venue, self.deployer, self.count = venue, deployer, 0
        users = get_user_model().objects
        self.people = [users.create_user(f"p{at}", f"p{at}@example.com") for at in range(3)]
        for user in self.people:
            give(user, "1000", "OKB")
        self.whole = self.total()

    def event(self, data: dict[str, str] = TEAMS, state: EventState = EventState.PROPOSED) -> Event:
        """One more event; if proposed, the first outcome."""
        self.count += 1
        add_market(
            self.deployer,
            self.venue,
            event_spec({**data, "code": f"E{self.count}", "series": f"S{self.count}"}),
        )
        drive_launch(self.venue.pk)
        event = Event.objects.get(venue=self.venue, series=f"S{self.count}")
        return propose_result(self.deployer, event, {0: PPM}, SEEN) if state == EventState.PROPOSED else event

    def dispute(self, event: Event, person: int = 0, outcome: int | None = 1) -> Dispute:
        """That person says that outcome won; without one, that there is none."""
        payouts = None if outcome is None else {outcome: PPM}
        return open_dispute(self.people[person], event, REASON, SEEN, payouts)

    def held(self) -> list[int]:
        """Units of the stake asset of each person's wallet, the deployer's wallet and stake."""
        asset = stake_asset()
        wallets = [wallet_balance(user.pk, asset) for user in [*self.people, self.deployer]]
        return [*wallets, stake_balance(self.deployer.pk)]

    def moved(self, before: list[int]) -> list[int]:
        """What each has more than before, in bonds."""
        bond = bond_units()
        assert all((now - then) % (bond // 2) == 0 for now, then in zip(self.held(), before, strict=True))
        return [(now - then) * 2 // bond for now, then in zip(self.held(), before, strict=True)]

    def bonds(self, event: Event) -> int:
        """What is held for the event."""
        return balance(AccountKind.DISPUTE_BOND, event.pk, stake_asset().pk)

    def total(self) -> int:
        """All of the stake asset there is."""
        rows = LedgerAccount.objects.filter(asset=stake_asset()).exclude(kind=AccountKind.EXTERNAL)
        return int(rows.aggregate(total=Sum("balance"))["total"])

    def check(self) -> None:
        """Nothing came or went, and each event holds the bonds of what is undecided."""
        assert self.total() == self.whole
        for event in Event.objects.filter(venue=self.venue):
            sums = Dispute.objects.filter(event=event, state__in=UNDECIDED).aggregate(
                bonds=Sum("bond"), counter=Sum("counter_bond")
            )
            own = 0 if sums["counter"] else event.proposer_bond
            assert self.bonds(event) == (sums["bonds"] or 0) + (sums["counter"] or 0) + own, event
