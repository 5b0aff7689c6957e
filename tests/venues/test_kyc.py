"""Applications, their documents, the desk that reads them, and the screening of names."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from tests.venues.access_cast import ANN, PDF, applied, approved
from trading.models import Notification
from trading.services.notifications import notify_all
from venues.access import Rules
from venues.models import (
    AccessPolicy,
    CaseState,
    Consent,
    Credential,
    DocumentView,
    Issuer,
    KycCase,
    KycDocument,
    Role,
    Screening,
    Venue,
    VenueAct,
    VenueMember,
)
from venues.services.access_policies import ensure_desk, publish_policy
from venues.services.credentials import give_consent, revoke_credential, withdraw_consent
from venues.services.kyc_cases import (
    Details,
    add_documents,
    apply_for,
    approve_case,
    details_of,
    refuse_case,
    reviewed_case,
    start_review,
    want_more,
    withdraw_case,
)
from venues.services.kyc_documents import MAX_BYTES, Upload, open_document, shred_old
from venues.services.screening import clear_hit, load_list, normal_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(house: Venue) -> AbstractBaseUser:
    return house.deployer.user


@pytest.fixture
def desk(house: Venue, owner: AbstractBaseUser) -> Issuer:
    return ensure_desk(owner, house)


@pytest.fixture
def officer(house: Venue, person) -> AbstractBaseUser:
    user = person("officer")
    VenueMember.objects.create(venue=house, user=user, role=Role.COMPLIANCE)
    return user


def code_of(call, *arguments, **named) -> str:
    with pytest.raises(DomainError) as caught:
        call(*arguments, **named)
    return caught.value.code


def test_an_application_is_kept_in_secret_and_decided_once(house, desk, officer, trader) -> None:
    case = applied(trader, desk, house)
    raw = KycCase.objects.values_list("details_sealed", flat=True).get(pk=case.pk)
    assert b"Ann" not in bytes(raw)
    assert b"passport" not in bytes(KycDocument.objects.get(case=case).sealed)
    assert details_of(case) == ANN
    assert code_of(applied, trader, desk) == "case_open"
    start_review(officer, house, case.pk)
    made = approve_case(officer, house, case.pk, claims=["adult"])
    assert (made.level, made.jurisdiction, made.claims, made.issuer) == (2, "DE", ["adult"], desk)
    assert Consent.objects.get(credential=made).venue == house
    assert code_of(refuse_case, officer, house, case.pk, "Too late.") == "case_state"
    case.refresh_from_db()
    assert [move.state for move in case.moves.all()] == ["submitted", "review", "approved"]
    assert VenueAct.objects.filter(venue=house, verb="approved an application", by=officer).exists()


@pytest.mark.parametrize(
    ("changes", "uploads", "field"),
    [
        ({"name": "A"}, [Upload("identity", PDF)], "name"),
        ({"born": "2999-01-01"}, [Upload("identity", PDF)], "born"),
        ({"born": "yesterday"}, [Upload("identity", PDF)], "born"),
        ({"country": "ZZ"}, [Upload("identity", PDF)], "country"),
        ({}, [], "identity"),
        ({}, [Upload("identity", b"")], "identity"),
        ({}, [Upload("identity", b"<svg onload=alert(1)>")], "identity"),
        ({}, [Upload("identity", b"%PDF-" + bytes(MAX_BYTES))], "identity"),
        ({}, [Upload("passport", PDF)], "kind"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_kept(
    desk, trader, changes, uploads, field
) -> None:
    with pytest.raises(DomainError) as caught:
        apply_for(trader, desk, 2, Details(**{**ANN.__dict__, **changes}), uploads)
    assert caught.value.field == field
    assert (KycCase.objects.count(), KycDocument.objects.count()) == (0, 0)


def test_the_desk_asks_for_more_and_gets_it(house, desk, officer, trader) -> None:
    case = applied(trader, desk)
    assert code_of(want_more, officer, house, case.pk, " ") == "reason_missing"
    want_more(officer, house, case.pk, "The back of the card, please.")
    more = add_documents(trader, case.pk, [Upload("other", b"\x89PNG\r\n\x1a\n back")])
    assert (more.state, more.wanted) == (CaseState.SUBMITTED, "")
    assert [each.content_type for each in case.documents.all()] == ["application/pdf", "image/png"]
    add_documents(trader, case.pk, [Upload("other", b"\x89PNG\r\n\x1a\n back")])
    assert case.documents.count() == 2, "the same bytes are kept once"
    refuse_case(officer, house, case.pk, "Not the same person.")
    assert code_of(add_documents, trader, case.pk, [Upload("other", PDF)]) == "case_closed"


def test_nobody_else_reads_or_decides(house, desk, officer, trader, person) -> None:
    case = applied(trader, desk)
    document = case.documents.get()
    halter, stranger = person("halter"), person("stranger")
    VenueMember.objects.create(venue=house, user=halter, role=Role.HALTER)
    elsewhere = Venue.objects.create(
        slug="other", name="Other", deployer=house.deployer, group_id=house.group_id + 1, state="open"
    )
    VenueMember.objects.create(venue=elsewhere, user=stranger, role=Role.COMPLIANCE)
    for call in (
        lambda who, venue: open_document(who, venue, document.pk),
        lambda who, venue: reviewed_case(who, venue, case.pk),
        lambda who, venue: approve_case(who, venue, case.pk),
        lambda who, venue: refuse_case(who, venue, case.pk, "No."),
        lambda who, venue: want_more(who, venue, case.pk, "More."),
    ):
        assert code_of(call, halter, house) == "role_missing"
        assert code_of(call, trader, house) == "venue_unknown"
        assert code_of(call, stranger, house) == "venue_unknown"
        assert code_of(call, stranger, elsewhere) in ("case_unknown", "document_unknown")
    for mine in (add_documents, withdraw_case):
        extra = [[Upload("other", PDF)]] if mine is add_documents else []
        assert code_of(mine, stranger, case.pk, *extra) == "case_unknown"
    case.refresh_from_db()
    assert (case.state, DocumentView.objects.count(), Credential.objects.count()) == ("submitted", 0, 0)


def test_an_officer_does_not_decide_on_themselves(house, desk, officer) -> None:
    case = applied(officer, desk)
    assert code_of(approve_case, officer, house, case.pk) == "own_case"
    assert Credential.objects.count() == 0


def test_every_view_is_noted_and_time_shreds(house, desk, officer, trader) -> None:
    case = applied(trader, desk)
    document = case.documents.get()
    opened = open_document(officer, house, document.pk)
    assert (opened.data, opened.content_type) == (PDF, "application/pdf")
    open_document(officer, house, document.pk)
    assert [view.by_id for view in document.views.all()] == [officer.pk, officer.pk]
    approve_case(officer, house, case.pk)
    decided = timezone.now()
    almost = decided + timedelta(days=desk.retention_days - 1)
    assert shred_old(almost) == 0
    assert shred_old(almost + timedelta(days=2)) == 1
    assert shred_old(almost + timedelta(days=2)) == 0
    document.refresh_from_db()
    case.refresh_from_db()
    assert (bytes(document.sealed), details_of(case)) == (b"", None)
    assert code_of(open_document, officer, house, document.pk) == "document_shredded"
    assert document.views.count() == 2, "who has seen it stays known"


def test_what_is_written_once_stays(house, owner, desk, officer, trader) -> None:
    case = applied(trader, desk)
    open_document(officer, house, case.documents.get().pk)
    publish_policy(owner, house, Rules(level=1, issuers=frozenset({desk.pk})))
    for model in (AccessPolicy, DocumentView, Screening):
        row = model.objects.latest("pk")
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(pk=row.pk).delete()
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {model._meta.db_table} SET id = id WHERE id = %s", [row.pk])


def test_applicants_are_told_once(house, desk, officer, trader) -> None:
    case = applied(trader, desk)
    notify_all()
    assert not Notification.objects.exists(), "sending it is no news"
    want_more(officer, house, case.pk, "The back, please.")
    approve_case(officer, house, case.pk)
    notify_all()
    notify_all()
    told = Notification.objects.filter(user=trader, kind="credential").order_by("pk")
    assert [each.text for each in told] == [
        "House desk wants more from you.", "House desk has approved your application.",
    ]  # fmt: skip
    assert {each.link for each in told} == {f"/account/credentials/applications/{case.pk}/"}


def test_withdrawn_papers_go_with_the_next_night(desk, trader) -> None:
    case = applied(trader, desk)
    withdraw_case(trader, case.pk)
    assert shred_old() == 1
    assert KycDocument.objects.get(case=case).shredded is not None


def test_consent_is_the_holders_alone(house, desk, officer, trader, person) -> None:
    made = approved(officer, trader, desk)
    assert not Consent.objects.exists(), "applied for nowhere in particular"
    assert code_of(give_consent, person("stranger"), made.pk, house) == "credential_unknown"
    first = give_consent(trader, made.pk, house)
    assert give_consent(trader, made.pk, house) == first
    assert code_of(withdraw_consent, person("stranger"), first.pk) == "consent_unknown"
    withdraw_consent(trader, first.pk)
    assert code_of(withdraw_consent, trader, first.pk) == "consent_unknown"
    again = give_consent(trader, made.pk, house)
    assert again != first
    assert Consent.objects.filter(credential=made).count() == 2


def test_only_its_issuer_revokes(house, desk, officer, trader) -> None:
    made = approved(officer, trader, desk)
    assert code_of(revoke_credential, trader, made.pk, house, "Mine.") == "venue_unknown"
    assert code_of(revoke_credential, officer, made.pk, house, "") == "reason_missing"
    revoke_credential(officer, made.pk, house, "The document was reported stolen.")
    made.refresh_from_db()
    assert made.revoked is not None
    assert code_of(revoke_credential, officer, made.pk, house, "Again.") == "credential_unknown"


def test_names_on_a_list_are_found_however_they_are_written(house, desk, officer, trader, person) -> None:
    assert normal_name("  GARCÍA, José ") == normal_name("jose garcia")
    assert load_list("test", [("Viktor Anatolyevich Example", "T-1", "1961"), ("", "T-2", "")]) == 1
    hits = {
        "Viktor Anatolyevich Example": "hit",
        "EXAMPLE Viktor Anatolyevitch": "hit",
        "Viktor Other": "clear",
        "Ann Example": "clear",
    }
    for number, (name, outcome) in enumerate(hits.items()):
        user = person(f"screened{number}")
        applied(user, desk, name=name, born="1961-05-05")
        assert Screening.objects.get(holder=user).outcome == outcome, name
    twin = person("twin")
    applied(twin, desk, name="Viktor Anatolyevich Example", born="1990-01-01")
    assert Screening.objects.get(holder=twin).outcome == "clear", "born in another year"
    hit = person("screened0")
    assert code_of(clear_hit, officer, house, hit.pk, "") == "reason_missing"
    clear_hit(officer, house, hit.pk, "Another passport number.")
    newest = Screening.objects.filter(holder=hit).first()
    assert newest is not None
    assert (newest.outcome, newest.by) == ("clear", officer)
    assert code_of(clear_hit, officer, house, hit.pk, "Again.") == "no_hit"


def test_a_new_list_finds_those_who_were_clear(house, desk, officer, trader, person, tmp_path) -> None:
    approved(officer, trader, desk, name="Viktor Anatolyevich Example")
    applied(person("undecided"), desk, name="Viktor Anatolyevich Example")
    file = tmp_path / "list.csv"
    file.write_text("name,reference,born\nViktor Anatolyevich Example,EU-1,1990\n")
    told = StringIO()
    call_command("load_sanctions", "EU", str(file), stdout=told)
    assert told.getvalue().strip() == "1 names on EU; 1 holders screened again."
    newest = Screening.objects.filter(holder=trader).first()
    assert newest is not None
    assert (newest.outcome, newest.matched) == ("hit", "Viktor Anatolyevich Example (EU EU-1)")
    call_command("load_sanctions", "EU", str(file), stdout=told)
    assert Screening.objects.filter(holder=trader, outcome="hit").count() == 2
    file.write_text("nothing\n")
    with pytest.raises(CommandError, match="no column called name"):
        call_command("load_sanctions", "EU", str(file))


def test_policies_are_versions_and_the_owners(house, owner, desk, officer) -> None:
    rules = Rules(level=2, issuers=frozenset({desk.pk}))
    assert code_of(publish_policy, officer, house, rules) == "role_missing"
    assert code_of(publish_policy, owner, house, Rules(level=2)) == "issuer_needed"
    assert code_of(publish_policy, owner, house, Rules(level=2, issuers=frozenset({999}))) == "issuer_unknown"
    assert code_of(publish_policy, owner, house, Rules()) == "policy_unchanged"
    first = publish_policy(owner, house, rules, "Regulated from today.")
    house.refresh_from_db()
    assert house.access_policy == first
    assert code_of(publish_policy, owner, house, rules) == "policy_unchanged"
    last = publish_policy(owner, house, Rules())
    house.refresh_from_db()
    assert (last.version, house.access_policy) == (2, None)
    assert VenueAct.objects.filter(venue=house, verb="changed the access policy").count() == 2
