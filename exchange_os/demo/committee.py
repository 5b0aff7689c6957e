"""The demo's committee: three members who can sign in, a venue whose deployer misbehaved, a case in each state.

The misbehaviour is real orders on a real book, the findings are replayed from its journal, and every vote is proved
with a code of the member's own app. The apps' secret is made here, kept in ``DATA_DIR/demo-committee.json``, readable
by this user only, and never printed: ``manage.py demo_code EMAIL`` gives the present code. Windows of days cannot be
waited for, so the cases beyond the reply window were made with the clock set forward, which each of them says.
"""

import json
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exchange_os.demo.cast import Person
from exchange_os.demo.stage import (
    VenuePlan,
    claim_from_faucet,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    move_to_venue,
)
from exchange_os.embedded.keys import write_private
from exchange_os.engine import client
from exchange_os.errors import DomainError
from governance.models import Case, CommitteeMember, Decision
from governance.services.cases import draft_case
from governance.services.committee import seat_member
from governance.services.decisions import appeal_decision, follow_decision, open_decision
from governance.services.discussion import comment_on, reply_to
from governance.services.evidence import Wanted, add_file, add_replay
from governance.services.proofs import Code
from governance.services.votes import cast_vote, prepare_vote
from trading.models import TradingAccount
from trading.services.orders import OrderDraft, place_order
from venues.models import Market, Venue

MEMBERS = (
    Person("committee member Ada", "ada@demo.example", "judge-the-demo-cases-1"),
    Person("committee member Ben", "ben@demo.example", "judge-the-demo-cases-2"),
    Person("committee member Cleo", "cleo@demo.example", "judge-the-demo-cases-3"),
)
ACCUSED = Person("accused deployer", "harbour@demo.example", "answer-the-demo-case")
SIGN_INS = (*MEMBERS, ACCUSED)
OTHERS = ("harbour-one@bots.demo.example", "harbour-two@bots.demo.example")
TERM = timedelta(days=365)
TOTP_SECONDS = 30

VENUE = VenuePlan(
    slug="harbour",
    name="Harbour Exchange",
    accent="#0b7285",
    description="Demonstration of governance: its deployer traded against the users.",
    markets=(
        {
            "base": "BTC", "quote": "USD", "tick_size": "0.1", "lot_size": "0.0001", "min_size": "0.0001",
            "reference_price": "65000", "band_percent": "10", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
        },
    ),
)  # fmt: skip
AHEAD = "Demonstration: the clock of this case was set forward, so that every state can be seen at once."


def secrets_path() -> Path:
    """Where the secret of the members' apps is kept."""
    return Path(settings.DATA_DIR) / "demo-committee.json"


def demo_code(email: str, ahead: int = 0) -> str:
    """The code that the app of a demo member shows now. Raises ``demo_member_unknown``."""
    path = secrets_path()
    secret = json.loads(path.read_text()).get(email, "") if path.exists() else ""
    if not secret:
        raise DomainError("demo_member_unknown", f"{email} is no member of the demo's committee here.")
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // TOTP_SECONDS + ahead)))


def seed_committee(trader: AbstractBaseUser) -> None:
    """Make the committee and its cases, or find them made; ``trader`` is among those who were harmed."""
    members = ensure_members()
    if Decision.objects.exists():
        return
    venue, accused = ensure_misbehaviour(trader)
    _make_cases(venue, accused, members, trader)


def ensure_members() -> list[CommitteeMember]:
    """The three members with their apps, made where they are missing."""
    kept = json.loads(secrets_path().read_text()) if secrets_path().exists() else {}
    for person in MEMBERS:
        user = ensure_person(person.email, person.password)
        app = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP)
        if person.email not in kept or not app.exists():
            app.delete()
            kept[person.email] = generate_totp_secret()
            TOTP.activate(user, kept[person.email])
    write_private(secrets_path(), json.dumps(kept, indent=2) + "\n")
    seated = []
    for person in MEMBERS:
        user = get_user_model().objects.get(email=person.email)
        member = CommitteeMember.objects.filter(user=user, removed=None).first()
        name = person.role.rsplit(" ", 1)[1]
        seated.append(member or seat_member(user, name, timezone.now() + TERM, guardian=True))
    return seated


def ensure_misbehaviour(trader: AbstractBaseUser) -> tuple[Venue, TradingAccount]:
    """The venue where two trade at a fair price, and the trader buys dearer from the deployer."""
    deployer = ensure_person(ACCUSED.email, ACCUSED.password)
    ensure_stake(deployer, "Harbour Labs")
    venue = ensure_venue(deployer, VENUE)
    market = Market.objects.select_related("venue", "base", "quote").get(venue=venue, symbol="BTC-USD")
    accounts = []
    for user in (deployer, trader, *(ensure_person(email, None) for email in OTHERS)):
        for symbol in ("USD", "BTC"):
            claim_from_faucet(user, symbol, 1)
        account = ensure_trading_account(user, venue)
        move_to_venue(user, account, {"USD": "9000", "BTC": "0.15"})
        accounts.append(account)
    accused, harmed, one, two = accounts
    for seller, buyer, price, size in ((one, two, "65000", "0.1"), (accused, harmed, "68000", "0.12")):
        place_order(seller, market, OrderDraft("sell", Decimal(size), price=Decimal(price)))
        place_order(buyer, market, OrderDraft("buy", Decimal(size), price=Decimal(price)))
    return venue, accused


def _make_cases(
    venue: Venue, accused: TradingAccount, members: list[CommitteeMember], trader: AbstractBaseUser
) -> None:
    """One in each state. No member votes more than three times: so many codes are good at one moment."""
    ada, ben, cleo = members
    now = timezone.now()
    case_of_trades(venue, accused, trader, "The deployer sold to me far above the market", "complaint")
    waiting = case_of_trades(venue, accused, ada.user, "Own orders in front of the users' orders", "orders")
    open_decision(waiting.decision, ada.user)
    comment_on(waiting.decision, trader, "I saw the same on the tape. Who else bought there?")
    _rejected(
        case_of_trades(venue, accused, trader, "Quoted and cancelled all day", "quotes", AHEAD),
        ben,
        cleo,
        now,
    )
    _appealed(
        case_of_trades(venue, accused, ada.user, "A seller on both sides of the book", "sides", AHEAD),
        ada,
        cleo,
        now,
    )
    _executed(
        case_of_trades(venue, accused, ben.user, "Traded against the venue's own users", "trade", AHEAD),
        ada,
        ben,
        now,
    )
    _locked(
        case_of_trades(venue, accused, cleo.user, "Emptied the book, then sold into it", "book", AHEAD),
        ada,
        ben,
        now,
    )
    _voting(
        case_of_trades(venue, accused, ada.user, "Sold above every other price of the day", "sale", AHEAD),
        ada,
        cleo,
        now,
    )


def case_of_trades(
    venue: Venue, accused: TradingAccount, by: AbstractBaseUser, title: str, subject: str, more: str = ""
) -> Case:
    """A draft about the deployer's trades, with the finding replayed from the journal and the tape as a file."""
    summary = (
        "The account of the deployer of Harbour Exchange sold 0.12 BTC at 68,000 USD to a user while everybody else "
        "traded at 65,000. The deployer had taken every other offer off the book before."
    )
    case = draft_case(
        by, venue, "self_dealing", timezone.now(), title, f"{summary}\n\n{more}".strip(), subject=subject
    )
    head = int(client.query(venue.group_id, {"q": "markets"})["sequence"])
    add_replay(
        case.decision,
        by,
        "Trades of the deployer's account",
        Wanted("self_dealing", {"market": 0, "accounts": [accused.number]}, 1, head),
    )
    tape = b"time,price,size,seller\n09:00,65000,0.1,user\n09:01,68000,0.12,deployer\n"
    add_file(case.decision, by, "The tape as it was seen", "tape.csv", tape)
    return case


def _opened(case: Case, by: AbstractBaseUser, now: datetime) -> datetime:
    """Open a case and let its reply window pass; when its vote begins."""
    open_decision(case.decision, by, now)
    case.decision.refresh_from_db()
    assert case.decision.reply_ends is not None
    begins = case.decision.reply_ends + timedelta(minutes=1)
    follow_decision(case.pk, begins)
    return begins


def _vote(case: Case, member: CommitteeMember, share_ppm: int | None, words: str, now: datetime) -> None:
    """For with a share, against without; the first code that has not been used counts."""
    choice = "reject" if share_ppm is None else "approve"
    case.decision.refresh_from_db()
    challenge = prepare_vote(case.decision, member.user, choice, share_ppm, words, now)
    for ahead in (0, 1, -1):
        try:
            cast_vote(member.user, challenge.pk, Code(demo_code(member.user.email, ahead)), now)
        except DomainError as refused:
            if refused.code != "proof_wrong":
                raise
        else:
            return
    raise DomainError(
        "demo_codes_spent", "The codes of this minute are used up; seed the demo again in a minute."
    )


def _voted(case: Case, votes: list[tuple[CommitteeMember, int | None, str]], now: datetime) -> datetime:
    """Cast votes, let the vote end; when it has ended."""
    for member, share, words in votes:
        _vote(case, member, share, words, now)
    case.decision.refresh_from_db()
    assert case.decision.voting_ends is not None
    ended = case.decision.voting_ends + timedelta(minutes=1)
    follow_decision(case.pk, ended)
    return ended


def _voting(case: Case, opener: CommitteeMember, voter: CommitteeMember, now: datetime) -> None:
    begins = _opened(case, opener.user, now)
    deployer = case.venue.deployer.user
    reply_to(case.decision, deployer, "We hedged a position of ours. The price was what the book offered.")
    words = "A hedge does not need a price 4.6% above everybody else's."
    _vote(case, voter, 350_000, words, begins + timedelta(hours=5))


def _adopted(case: Case, one: CommitteeMember, two: CommitteeMember, now: datetime) -> datetime:
    begins = _opened(case, one.user, now)
    votes: list[tuple[CommitteeMember, int | None, str]] = [
        (one, 300_000, "The finding replays to the unit. The user is to be made whole first."),
        (two, 250_000, "Clear from the replay. The lower half of the range is enough for one trade."),
    ]
    return _voted(case, votes, begins)


def _locked(case: Case, one: CommitteeMember, two: CommitteeMember, now: datetime) -> None:
    _adopted(case, one, two, now)


def _appealed(case: Case, one: CommitteeMember, two: CommitteeMember, now: datetime) -> None:
    ended = _adopted(case, one, two, now)
    deployer = case.venue.deployer.user
    appeal_decision(
        case.decision, deployer, "Both orders were ours by mistake; we told the committee at once.", ended
    )


def _executed(case: Case, one: CommitteeMember, two: CommitteeMember, now: datetime) -> None:
    ended = _adopted(case, one, two, now)
    follow_decision(case.pk, ended + timedelta(days=1, minutes=1))


def _rejected(case: Case, one: CommitteeMember, two: CommitteeMember, now: datetime) -> None:
    begins = _opened(case, one.user, now)
    why = "Orders that are cancelled harm nobody, and the finding is about another act."
    _voted(case, [(one, None, why), (two, None, "The same: nothing here shows what is said.")], begins)
