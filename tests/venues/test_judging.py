"""Who may judge and who may bet, and what was asked and said about an event stays as it was."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ObjectDoesNotExist
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import to_units
from tests.venues.conftest import give
from tests.venues.court import REASON, Court
from tests.venues.test_contract_specs import EVENT, TEAMS
from tests.venues.test_events import SEEN
from trading.selectors.judging import bar_to_judging, may_judge
from trading.services.accounts import ensure_account
from trading.services.orders import OrderDraft, place_order
from trading.services.permissions import follow_permissions
from venues.evidence import evidence_file, evidence_link
from venues.models import (
    PPM,
    AccountPermission,
    Dispute,
    Event,
    EventMove,
    EventState,
    Venue,
    VenueMember,
)
from venues.services import (
    clarify_event,
    follow_events,
    open_dispute,
    propose_result,
    start_deposit,
)
from venues.services.team import accept_invitation, invite_member, remove_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def court(venue: Venue, deployer: AbstractBaseUser) -> Court:
    """The court."""
    return Court(venue, deployer)


def test_holders_deployers_and_parties_do_not_judge(court: Court, trader: AbstractBaseUser) -> None:
    free = {"maker_fee_percent": "0", "taker_fee_percent": "0"}
    event = court.event({**TEAMS, **free}, EventState.OPEN)
    holder, asker, stranger = court.people
    market = event.markets.select_related("venue", "quote", "base", "event").get(outcome=0)
    accounts = []
    for user in (holder, trader):
        give(user, "50", "USD")
        account = ensure_account(user, court.venue)
        start_deposit(user, court.venue, account.number, market.quote, to_units("50", market.quote))
        accounts.append(account)
    assert may_judge(holder.pk, event)
    place_order(accounts[0], market, OrderDraft("buy", Decimal(10), price=Decimal("0.5")))
    assert bar_to_judging(holder.pk, event) == "You have an order in this event."
    place_order(accounts[1], market, OrderDraft("sell", Decimal(10), price=Decimal("0.5")))
    assert bar_to_judging(holder.pk, event) == "You hold contracts of this event."
    place_order(accounts[1], market, OrderDraft("buy", Decimal(10), price=Decimal("0.5")))
    place_order(accounts[0], market, OrderDraft("sell", Decimal(10), price=Decimal("0.5")))
    assert bar_to_judging(holder.pk, event) == "You have traded in this event.", "sold before, barred still"
    event = propose_result(court.deployer, event, {0: PPM}, SEEN)
    open_dispute(asker, event, REASON, SEEN, {1: PPM})
    assert bar_to_judging(asker.pk, event) == "You proposed or disputed a result of this event."
    assert bar_to_judging(court.deployer.pk, event) == "You run this venue."
    assert may_judge(stranger.pk, event)


def test_who_runs_a_venue_does_not_bet_on_its_events(court: Court, trader: AbstractBaseUser) -> None:
    event = court.event(state=EventState.OPEN)
    market = event.markets.select_related("venue", "quote", "base", "event").get(outcome=0)
    member = court.people[1]
    open_before = ensure_account(member, court.venue)
    _, token = invite_member(court.deployer, court.venue, member.email, "halter")
    EmailAddress.objects.create(user=member, email=member.email, verified=True)
    accept_invitation(member, token)
    follow_permissions()
    for user, account in (
        (court.deployer, ensure_account(court.deployer, court.venue)),
        (member, open_before),
    ):
        give(user, "50", "USD")
        start_deposit(user, court.venue, account.number, market.quote, to_units("50", market.quote))
        with pytest.raises(DomainError) as refused:
            place_order(account, market, OrderDraft("buy", Decimal(10), price=Decimal("0.5")))
        assert "reduce" in refused.value.message.lower()
        row = AccountPermission.objects.get(venue=court.venue, user=user)
        assert [each["code"] for each in row.decisions["outcome"]["refusals"]] == ["insider"]
        assert row.decisions["spot"]["permission"] == "trade", "what nobody resolves they may trade"
    remove_member(court.deployer, court.venue, VenueMember.objects.get(user=member).pk)
    follow_permissions()
    assert AccountPermission.objects.get(venue=court.venue, user=member).flags == 0
    ensure_account(trader, court.venue)
    assert not AccountPermission.objects.filter(user=trader).exists(), "of others nothing is asked"


def test_what_a_question_asks_stays_and_clarifications_give_time(
    court: Court, deployer: AbstractBaseUser
) -> None:
    event = court.event(EVENT, EventState.OPEN)
    for change in (
        {"rules": "Something else entirely, said later."},
        {"title": "Another?"},
        {"window_seconds": 60},
    ):
        with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**change)
    with pytest.raises(DomainError) as refused:
        clarify_event(court.people[0], event, "Rain is what falls from the sky.")
    assert refused.value.code == "event_unknown"
    with pytest.raises(DomainError, match="what is meant"):
        clarify_event(deployer, event, "no")
    row = clarify_event(deployer, event, "Hail counts as <b>rain</b> if the station says so.")
    event.refresh_from_db()
    assert (row.added_seconds, event.window_seconds) == (3600, 10_800)
    event = propose_result(deployer, event, {0: PPM}, SEEN)
    Event.objects.filter(pk=event.pk).update(proposed=timezone.now() - timedelta(seconds=7_300))
    follow_events()
    event.refresh_from_db()
    assert event.state == EventState.PROPOSED, "the old window is over, the longer one is not"
    page = Client().get(f"/v/north/event/{event.code}/").content.decode()
    assert "Hail counts as &lt;b&gt;rain&lt;/b&gt;" in page
    assert "Rules clarified" in page
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
        event.clarifications.update(text="Hail does not count.")


def test_evidence_is_kept_with_its_hash_and_never_runs(court: Court, signed_in: Any) -> None:
    event = court.event(EVENT, EventState.OPEN)
    script = b"<script>alert(1)</script>"
    for broken in (
        lambda: evidence_file("x.html", b""),
        lambda: evidence_file("x.html", b"x" * 2_000_001),
        lambda: evidence_link("javascript:alert(1)", "0" * 64),
        lambda: evidence_link("https://example.com/a", "00"),
    ):
        with pytest.raises(DomainError):
            broken()
    answer = signed_in(court.deployer).post(
        f"/deployer/venues/{court.venue.pk}/events/{event.pk}/resolve/",
        {
            "outcome": "0", "evidence": SEEN, "source": "https://example.com/rome", "link": "https://example.com/log",
            "hash": "A" * 64, "files": SimpleUploadedFile("../../<i>rain.html", script),
        },
    )  # fmt: skip
    assert answer.status_code == 302
    move = EventMove.objects.get(event=event, state=EventState.PROPOSED)
    assert (move.words, move.source) == (SEEN, "https://example.com/rome")
    kept, linked = move.evidence.all()
    assert (bytes(kept.content), kept.size, linked.link) == (script, len(script), "https://example.com/log")
    page = Client().get(f"/v/north/event/{event.code}/").content.decode()
    assert "&lt;i&gt;rain.html" in page
    assert kept.sha256[:12] in page
    download = Client().get(f"/v/north/event/{event.code}/evidence/{kept.pk}/")
    assert download["Content-Type"] == "application/octet-stream"
    assert download["Content-Disposition"].startswith("attachment")
    assert download["X-Content-Type-Options"] == "nosniff"
    assert Client().get(f"/v/north/event/{event.code}/evidence/{linked.pk}/").status_code == 404
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
        move.evidence.update(sha256="0" * 64)
    with pytest.raises(ObjectDoesNotExist):
        Dispute.objects.get(event=event)
