"""The cast of governance: three members and a guardian more, a deployer with stake and a venue, two who were harmed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exchange_os.engine.models import RiskGroup
from exchange_os.ledger.models import Asset, PostingKind
from exchange_os.ledger.services import add_stake, post_transfer
from exchange_os.ledger.services.postings import external, wallet
from governance.models import Case, CommitteeMember, Decision, Evidence, EvidenceKind, Harmed
from governance.services.cases import draft_case, stake_worth
from governance.services.committee import seat_member
from governance.services.decisions import follow_decision, open_decision
from tests.governance.factors import enrol, vote
from venues.models import Deployer, Venue, VenueState

OKB_UNIT = 10**8
STAKE = 1_000 * OKB_UNIT


def user_named(name: str) -> AbstractBaseUser:
    """A user of that name."""
    return get_user_model().objects.create_user(name, f"{name}@example.com")


@pytest.fixture
def deployer(db: None) -> AbstractBaseUser:
    """A deployer with 1,000 OKB at stake."""
    user = user_named("deployer")
    asset = Asset.objects.get(symbol="OKB")
    post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), STAKE)
    add_stake(user, STAKE)
    return user


@pytest.fixture
def venue(deployer: AbstractBaseUser) -> Venue:
    """The deployer's open venue, without markets; nothing of it runs."""
    return Venue.objects.create(
        slug="north",
        name="North Exchange",
        deployer=Deployer.objects.create(user=deployer, name="North Labs"),
        group_id=RiskGroup.objects.create().pk,
        state=VenueState.OPEN,
    )


@pytest.fixture
def members(db: None) -> list[CommitteeMember]:
    """Ada, Ben and Cleo, all guardians, each with an authenticator app."""
    until = timezone.now() + timedelta(days=365)
    seated = []
    for name in ("Ada", "Ben", "Cleo"):
        user = user_named(name.lower())
        enrol(user)
        seated.append(seat_member(user, name, until, guardian=True))
    return seated


@pytest.fixture
def harmed(db: None) -> list[AbstractBaseUser]:
    """Two who traded at the venue."""
    return [user_named("harmed-one"), user_named("harmed-two")]


@dataclass
class Opened:
    """A case and the moments of its course, each a second after what ends there."""

    case: Case
    decision: Decision
    opened: datetime
    votes: datetime
    locks: datetime
    executes: datetime


def moments(case: Case, start: datetime) -> Opened:
    """When the windows of a case opened at ``start`` pass."""
    second = timedelta(seconds=1)
    votes = start + timedelta(days=2) + second
    locks = votes + timedelta(days=3) + second
    executes = locks + timedelta(days=1) + second
    return Opened(case, case.decision, start, votes, locks, executes)


def drafted(venue: Venue, by: AbstractBaseUser | None, subject: str = "event 0") -> Case:
    """A draft about a false settlement, with a finding that shows it."""
    now = timezone.now()
    case = draft_case(
        by, venue, "false_settlement", now, "Event 0 paid the wrong side",
        "The source says Yes, the deployer paid No.", subject=subject,
    )  # fmt: skip
    Evidence.objects.create(
        decision=case.decision, kind=EvidenceKind.REPLAY, title="Settlement against its source", by=by,
        sha256="0" * 64, rule="settlement", finding={"found": True},
    )  # fmt: skip
    return case


def add_harmed(case: Case, users: list[AbstractBaseUser], losses: list[int]) -> list[Harmed]:
    """Losses in units of USD, accounts numbered from 16."""
    usd = Asset.objects.get(symbol="USD")
    return Harmed.objects.bulk_create(
        Harmed(case=case, account=16 + place, user=user, asset=usd, loss=loss, owed=stake_worth(loss, usd))
        for place, (user, loss) in enumerate(zip(users, losses, strict=True))
    )


@pytest.fixture
def opened(venue: Venue, members: list[CommitteeMember], harmed: list[AbstractBaseUser]) -> Opened:
    """A case that Ada drafted and opened; two were harmed, by 480 and 96 dollars: 10 and 2 OKB."""
    case = drafted(venue, members[0].user)
    add_harmed(case, harmed, [480 * 10**6, 96 * 10**6])
    course = moments(case, case.offence_at)
    open_decision(case.decision, members[0].user, course.opened)
    return course


def adopted(course: Opened, members: list[CommitteeMember]) -> Decision:
    """The case adopted by 60%, 80% and one vote against."""
    follow_decision(course.decision.pk, course.votes)
    vote(course.decision, members[0], "approve", 600_000, course.votes)
    vote(course.decision, members[1], "approve", 800_000, course.votes)
    vote(course.decision, members[2], "reject", None, course.votes)
    follow_decision(course.decision.pk, course.locks)
    course.decision.refresh_from_db()
    return course.decision
