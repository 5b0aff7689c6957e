"""The console's tabs Access and Compliance, and a holder's own pages: what is shown, to whom, and what a form does."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.venues.access_cast import PDF, applied, approved
from venues.access import Rules
from venues.models import (
    CaseState,
    Consent,
    Credential,
    DocumentView,
    Issuer,
    KycCase,
    KycDocument,
    Role,
    VenueMember,
)
from venues.services.access_policies import ask_for_credentials, ensure_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(house):
    return house.deployer.user


@pytest.fixture
def desk(house, owner) -> Issuer:
    return ensure_desk(owner, house)


@pytest.fixture
def officer(house, person):
    user = person("officer")
    VenueMember.objects.create(venue=house, user=user, role=Role.COMPLIANCE)
    return user


def at(house, path: str) -> str:
    return f"/deployer/venues/{house.pk}/{path}"


def test_the_owner_tries_a_policy_out_and_puts_it_into_force(house, owner, desk, trader, signed_in) -> None:
    browser = signed_in(owner)
    typed = {
        "level": "2",
        "issuers": [desk.pk],
        "blocked": "KP",
        "try_level": "1",
        "try_country": "DE",
        "note": "Law.",
    }
    told = browser.post(at(house, "access/try/"), typed).content.decode()
    assert "may only reduce" in told
    assert "need level 2, yours is 1" in told
    assert "Not for residents of North Korea." in told
    assert "may trade" in browser.post(at(house, "access/try/"), typed | {"try_level": "2"}).content.decode()
    house.refresh_from_db()
    assert house.access_policy is None, "trying out changes nothing"
    assert browser.post(at(house, "access/"), typed).status_code == 302
    house.refresh_from_db()
    assert Rules.from_json(house.access_policy.rules).blocked == {"KP"}
    page = browser.get(at(house, "access/versions/1/")).content.decode()
    assert "North Korea" in page
    assert "Law." in page


def test_a_desk_is_opened_by_its_button_alone_and_what_is_typed_stays(
    house, owner, trader, signed_in
) -> None:
    browser = signed_in(owner)
    assert "Open your own desk" in browser.get(at(house, "access/")).content.decode()
    assert not Issuer.objects.exists(), "looking opens nothing"
    assert browser.get(at(house, "access/desk/")).status_code == 405
    page = browser.post(at(house, "access/desk/"), {"level": "2", "blocked": "KP", "order_limit": "500"})
    desk = Issuer.objects.get()
    shown = page.content.decode()
    assert f'name="issuers" value="{desk.pk}" checked' in shown and "Open your own desk" not in shown
    assert 'value="KP"' in shown and 'value="500"' in shown
    house.refresh_from_db()
    assert (house.access_policy, desk.venue) == (None, house)
    assert signed_in(trader).post(at(house, "access/desk/")).status_code == 404


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"level": "9"}, "A level is 0 to 3."),
        ({"blocked": "Narnia"}, "NARNIA: not a country code"),
        ({"blocked": "DE", "allowed": "DE"}, "Germany: either served or not"),
        ({"guests": "bob"}, "bob: not an e-mail address."),
        ({"deposit_limit": "-5", "limit_asset": "USD"}, "Enter an amount above zero"),
        ({"deposit_limit": "5", "limit_asset": "DOGE"}, "Choose an asset that the venue trades in."),
        ({"level": "2"}, "Choose whose credentials count"),
    ],
)
def test_faults_are_told_at_their_fields(house, owner, signed_in, typed, sentence) -> None:
    answer = signed_in(owner).post(at(house, "access/"), typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    house.refresh_from_db()
    assert house.access_policy is None


def test_others_read_or_do_not_find_it(house, owner, desk, officer, trader, person, signed_in) -> None:
    case = applied(trader, desk, house)
    document = case.documents.get()
    halter = person("halter")
    VenueMember.objects.create(venue=house, user=halter, role=Role.HALTER)
    pages = [
        "access/",
        "compliance/",
        f"compliance/{case.pk}/",
    ]
    paper = at(house, f"compliance/documents/{document.pk}/download/")
    for user, status in ((officer, 200), (halter, 403), (trader, 404)):
        assert [signed_in(user).get(at(house, page)).status_code for page in pages] == [status] * 3
        assert signed_in(user).post(paper).status_code == status
    assert signed_in(officer).get(paper).status_code == 405, "what is noted is not fetched ahead"
    assert {Client().get(at(house, page)).status_code for page in pages} == {302}
    assert (
        signed_in(officer).post(at(house, "access/"), {"level": "1", "issuers": [desk.pk]}).status_code == 422
    )
    assert signed_in(trader).post(at(house, f"compliance/{case.pk}/approve/")).status_code == 404
    assert (DocumentView.objects.count(), Credential.objects.count()) == (1, 0)


def test_a_document_is_a_download_and_nothing_else(house, desk, officer, trader, signed_in) -> None:
    document = applied(trader, desk, house).documents.get()
    answer = signed_in(officer).post(at(house, f"compliance/documents/{document.pk}/download/"))
    assert answer.content == PDF
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store, private"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert DocumentView.objects.get().by == officer


def test_from_the_form_to_the_credential(house, owner, desk, officer, trader, signed_in) -> None:
    ask_for_credentials(owner, house)
    browser = signed_in(trader)
    typed = {"level": "2", "name": "Ann Example", "born": "1990-04-01", "country": "DE", "venue": house.slug}
    path = f"/account/credentials/apply/{desk.slug}/"
    assert browser.get(f"{path}?venue={house.slug}").status_code == 200
    refused = browser.post(path, typed | {"identity": SimpleUploadedFile("me.pdf", PDF)})
    assert (refused.status_code, KycCase.objects.count()) == (422, 0)
    assert "Tick this to go on" in refused.content.decode()
    hostile = SimpleUploadedFile("me.pdf", b"<html><script>alert(1)</script>", "application/pdf")
    assert browser.post(path, typed | {"agreed": "on", "identity": hostile}).status_code == 422
    sent = browser.post(
        path, typed | {"agreed": "on", "identity": SimpleUploadedFile("me.exe", PDF, "text/html")}
    )
    case = KycCase.objects.get()
    assert sent["Location"] == f"/account/credentials/applications/{case.pk}/"
    assert KycDocument.objects.get().content_type == "application/pdf", (
        "by its bytes, not by what the browser said"
    )
    assert signed_in(officer).get(sent["Location"]).status_code == 404, "an officer sees it at the desk only"
    desk_page = signed_in(officer).post(at(house, f"compliance/{case.pk}/approve/"), {"level": "2"})
    assert desk_page.status_code == 302
    page = browser.get("/account/credentials/").content.decode()
    assert "Level 2 · Identity" in page
    consent = Consent.objects.get()
    assert signed_in(officer).post(f"/account/credentials/consents/{consent.pk}/withdraw/").status_code == 302
    consent.refresh_from_db()
    assert consent.withdrawn is None, "somebody else's consent is not theirs to withdraw"
    browser.post(f"/account/credentials/consents/{consent.pk}/withdraw/")
    consent.refresh_from_db()
    assert consent.withdrawn is not None


def test_applying_needs_the_token_of_the_form(desk, trader) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(trader)
    answer = browser.post(f"/account/credentials/apply/{desk.slug}/", {"level": "2"})
    assert (answer.status_code, KycCase.objects.count()) == (403, 0)


def test_more_is_brought_and_an_application_is_taken_back(
    house, desk, officer, trader, person, signed_in
) -> None:
    case = applied(trader, desk, house)
    signed_in(officer).post(at(house, f"compliance/{case.pk}/more/"), {"words": "The back, please."})
    mine, path = signed_in(trader), f"/account/credentials/applications/{case.pk}/"
    assert "The back, please." in mine.get(path).content.decode()
    paper = {"kind": "identity", "document": SimpleUploadedFile("b.png", b"\x89PNG\r\n\x1a\n back")}
    assert signed_in(person("stranger")).post(f"{path}documents/", paper).status_code == 404
    paper["document"] = SimpleUploadedFile("b.png", b"\x89PNG\r\n\x1a\n back")
    mine.post(f"{path}documents/", paper)
    case.refresh_from_db()
    assert (case.state, case.documents.count()) == (CaseState.SUBMITTED, 2)
    assert signed_in(person("stranger")).post(f"{path}take-back/").status_code == 404
    mine.post(f"{path}take-back/")
    case.refresh_from_db()
    assert case.state == CaseState.WITHDRAWN


def test_a_venue_says_what_is_missing_and_an_open_one_nothing(
    house, owner, desk, officer, trader, signed_in
) -> None:
    open_page = signed_in(trader).get(f"/v/{house.slug}/").content.decode()
    assert "Anyone may trade. Nothing is asked." in open_page
    assert "access.css" not in open_page
    ask_for_credentials(owner, house, blocked=["KP"])
    visitor = Client().get(f"/v/{house.slug}/").content.decode()
    assert "A credential of level 2" in visitor
    assert "Sign in to see what you need" in visitor
    browser = signed_in(trader)
    page = browser.get(f"/v/{house.slug}/").content.decode()
    assert f"/account/credentials/apply/{desk.slug}/?level=2&amp;venue={house.slug}" in page
    approved(officer, trader, desk)
    page = browser.get(f"/v/{house.slug}/").content.decode()
    credential = Credential.objects.get()
    assert f"/account/credentials/{credential.pk}/share/" in page
    browser.post(f"/account/credentials/{credential.pk}/share/", {"venue": house.slug})
    assert "You may trade" in browser.get(f"/v/{house.slug}/").content.decode()
