"""A case over a venue that runs: the finding is replayed from its journal, conflicts are asked of its kernel, a halt
reaches its markets. One venue for the whole story, since launching one is what costs."""

import io
from datetime import timedelta

import exchange_kernel as kernel
import pytest
from django.core.management import call_command
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import to_units, wallet_balance
from exchange_os.ledger.services import check_ledger
from governance.models import EmergencyHalt, Evidence, Harmed, Seat, State
from governance.selectors.conflicts import venue_conflicts
from governance.services.cases import draft_case
from governance.services.decisions import follow_decision, open_decision
from governance.services.evidence import Wanted, add_file, add_replay, replay_evidence
from governance.services.halts import carry_out_halts, propose_halt
from tests.engine.conftest import LocalWorker, local_worker, wait_until
from tests.governance.conftest import members, moments, user_named
from tests.governance.factors import vote
from tests.venues.conftest import clean_redis, deployer, give, trader, venue
from tests.venues.test_contract_specs import EVENT
from tests.venues.test_events import MAKER, SEEN, TAKER, funded, listed, passed, trade
from trading.models import Notification, TradingAccount
from venues.models import PPM, Market, Phase, Venue, VenueState
from venues.services import follow_events, propose_result, resume_venue, start_deposit
from venues.services.totals import kernel_totals

__all__ = [
    "LocalWorker", "clean_redis", "deployer", "funded", "local_worker", "members", "trader", "venue",
]  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


def settled_wrongly(venue, deployer):
    """The taker bought Yes; the deployer says No and gets paid. Where it was seen said Yes."""
    event = listed(deployer, venue, {**EVENT, "maker_fee_percent": "0", "taker_fee_percent": "0"})
    trade(venue, event.markets.get(), 60, 10)
    event = propose_result(deployer, event, {1: PPM}, SEEN)
    passed(event)

    def paid():
        follow_events()
        client.submit(venue.group_id, kernel.tick())
        return (
            client.query(venue.group_id, {"q": "event", "event": event.number})["event"]["state_name"]
            == "settled"
        )

    wait_until(paid)
    return event


def head(venue):
    """The last command of the venue's journal, once it is there."""
    return int(client.query(venue.group_id, {"q": "markets"})["sequence"])


def test_a_false_settlement_is_repaid_from_the_stake(funded, deployer, trader, members):
    venue = funded
    TradingAccount.objects.create(user=trader, venue=venue, number=TAKER, opened_at=timezone.now())
    TradingAccount.objects.create(user=deployer, venue=venue, number=MAKER, opened_at=timezone.now())
    event = settled_wrongly(venue, deployer)
    case = draft_case(
        trader, venue, "false_settlement", timezone.now(), "The rain event paid No",
        "Rome had 4 mm of rain as the source shows, and No was paid.", subject=f"event {event.number}",
    )  # fmt: skip
    wanted = Wanted(
        "settlement", {"event": event.number, "payouts": {"0": PPM}, "source": SEEN}, 1, head(venue)
    )
    made = add_replay(case.decision, trader, "What was paid and what was due", wanted)
    usd = Asset.objects.get(symbol="USD")
    loss = to_units("10", usd)
    assert made.finding["losses"] == {str(TAKER): loss}
    row = Harmed.objects.get(case=case)
    assert (row.user, row.account, row.loss, row.owed) == (trader, TAKER, loss, 20_833_334)
    assert replay_evidence(made).same
    out = io.StringIO()
    call_command("replay_evidence", made.pk, stdout=out)
    assert "It is the finding that was recorded." in out.getvalue()
    assert made.finding["sentence"] in out.getvalue()

    refuses_what_does_not_hold(case, made, trader, venue)
    recusal_by_position(case, venue, members, usd)

    course = moments(case, timezone.now())
    open_decision(case.decision, members[1].user, course.opened)
    follow_decision(case.pk, course.votes)
    recused = dict(Seat.objects.filter(decision=case.decision).values_list("member__name", "recused"))
    assert recused == {"Ada": "Has a balance at this venue.", "Ben": "", "Cleo": ""}
    for member in members[1:]:
        vote(case.decision, member, "approve", 500_000, course.votes)
    follow_decision(case.pk, course.locks)
    before = wallet_balance(trader.pk, Asset.objects.get(symbol="OKB"))
    follow_decision(case.pk, course.executes)
    case.decision.refresh_from_db()
    assert (case.decision.state, case.decision.problem) == (State.EXECUTED, "")
    assert wallet_balance(trader.pk, Asset.objects.get(symbol="OKB")) == before + row.owed
    assert check_ledger(kernel_totals).faults == []
    case.refresh_from_db()
    assert not case.halt_due
    told = Notification.objects.filter(user=trader, kind="governance").get().text
    assert told == f"You were paid 0.20833334 OKB for your loss in case {case.pk}."
    shown = io.StringIO()
    call_command("show_proposal", case.pk, stdout=shown)
    assert case.decision.digest in shown.getvalue()
    assert bytes(case.decision.text).decode() in shown.getvalue()
    halted_by_two_guardians(venue, members, deployer)


def refuses_what_does_not_hold(case, made, trader, venue):
    """Evidence that was not replayed, is of no kind we keep, or comes from a stranger."""
    count = Evidence.objects.count()
    for call in (
        lambda: add_replay(case.decision, trader, "x" * 9, Wanted("settlement", {}, 1, head(venue))),
        lambda: add_replay(case.decision, trader, "x" * 9, Wanted("magic", {}, 1, 2)),
        lambda: add_replay(case.decision, trader, "x" * 9, Wanted("settlement", made.params, 1, 10**9)),
        lambda: add_file(case.decision, trader, "A page", "page.html", b"<script>"),
        lambda: add_file(case.decision, trader, "A picture", "shot.png", b"<svg onload=alert(1)>"),
        lambda: add_file(case.decision, trader, "A book", "book.txt", b"x" * (2 * 2**20 + 1)),
        lambda: add_file(case.decision, user_named("stranger"), "A note", "note.txt", b"Hello"),
    ):
        with pytest.raises(DomainError):
            call()
    assert Evidence.objects.count() == count
    kept = add_file(case.decision, trader, "The page of the source", "../rome 4mm.txt", b"Rome: 4 mm")
    assert (kept.file.name, kept.file.size) == ("rome_4mm.txt", 10)


def recusal_by_position(case, venue, members, usd):
    """Ada gets an account with a balance at the venue: she neither opens the case nor sits on its panel."""
    ada = members[0]
    assert venue_conflicts(venue, members) == {}
    number = TAKER + 1
    client.submit(venue.group_id, kernel.open_account(number, owner=number))
    give(ada.user, "5", "USD")
    from_wallet(ada.user, venue, number, usd)
    TradingAccount.objects.create(user=ada.user, venue=venue, number=number, opened_at=timezone.now())
    assert venue_conflicts(venue, members) == {ada.pk: "Has a balance at this venue."}
    with pytest.raises(DomainError) as refused:
        open_decision(case.decision, ada.user)
    assert refused.value.code == "member_recused"


def from_wallet(user, venue, number, usd):
    """Five dollars from a wallet to an account."""
    transfer = start_deposit(user, venue, number, usd, to_units("5", usd))
    wait_until(lambda: Transfer.objects.get(pk=transfer.pk).state == TransferState.SETTLED)


def halted_by_two_guardians(venue, members, deployer):
    """One guardian alone halts nothing; two do, the deployer cannot undo it, and after a day it is over."""
    reason = "The price source of the deployer has gone mad and positions are being closed."
    with pytest.raises(DomainError) as refused:
        propose_halt(user_named("passer-by"), venue, reason)
    assert refused.value.code == "not_a_member"
    halt = propose_halt(members[1].user, venue, reason)
    vote(halt.decision, members[1])
    assert Venue.objects.get(pk=venue.pk).state == VenueState.OPEN
    vote(halt.decision, members[2])
    halt.refresh_from_db()
    assert halt.halted is not None
    shown = Venue.objects.get(pk=venue.pk)
    assert (shown.state, shown.held_by_decision) == (VenueState.HALTED, halt.pk)
    spot = Market.objects.get(venue=venue, number=0)
    assert spot.phase == Phase.HALTED
    with pytest.raises(DomainError) as refused:
        resume_venue(deployer, venue)
    assert refused.value.code == "venue_held"
    assert halt.ratification is not None
    assert halt.ratification.state == State.VOTING
    with pytest.raises(DomainError) as refused:
        propose_halt(members[2].user, venue, reason)
    assert refused.value.code == "halt_open"
    assert carry_out_halts(halt.lapses - timedelta(seconds=1)) == 0
    assert carry_out_halts(halt.lapses) == 1
    assert carry_out_halts(halt.lapses) == 0
    shown.refresh_from_db()
    assert (shown.state, shown.held_by_decision) == (VenueState.OPEN, None)
    follow_decision(halt.ratification.pk, halt.lapses)
    halt.ratification.refresh_from_db()
    assert halt.ratification.state == State.EXPIRED
    ratified_it_lasts(venue, members, reason)


def ratified_it_lasts(venue, members, reason):
    """The committee ratifies a halt before it lapses: it lasts two weeks then."""
    halt = propose_halt(members[0].user, venue, reason)
    vote(halt.decision, members[0])
    vote(halt.decision, members[1])
    halt.refresh_from_db()
    first = halt.lapses
    vote(halt.ratification, members[0])
    vote(halt.ratification, members[2])
    halt.refresh_from_db()
    halt.ratification.refresh_from_db()
    assert halt.ratification.state == State.EXECUTED
    assert halt.ratified
    assert halt.lapses > first + timedelta(days=12)
    assert carry_out_halts(first) == 0
    assert Venue.objects.get(pk=venue.pk).state == VenueState.HALTED
    assert EmergencyHalt.objects.get(pk=halt.pk).ended is None
