"""The pages of governance as visitors, members and deployers see them, without script."""

import pytest
from django.test import Client

from governance.models import Comment, Decision, Evidence, Reply, State, Vote, VoteChallenge
from governance.selectors.ballots import said_in
from governance.services.committee import declare_conflict
from governance.services.decisions import follow_decision, open_decision
from governance.services.evidence import add_file
from tests.governance.conftest import adopted, drafted
from tests.governance.factors import codes


def browser(user=None) -> Client:
    """A browser, signed in or not."""
    made = Client()
    if user is not None:
        made.force_login(user)
    return made


def page(client: Client, path: str, status: int = 200) -> str:
    """A page that needs neither inline script nor style."""
    answer = client.get(path)
    assert answer.status_code == status
    text = answer.content.decode()
    assert "style=" not in text
    assert " onclick" not in text
    return text


@pytest.fixture
def open_now(venue, members, harmed):
    """A case that is open as of now, so that pages offer what can be done."""
    case = drafted(venue, members[0].user)
    open_decision(case.decision, members[0].user)
    return case.decision


@pytest.fixture
def voting_now(open_now):
    """The same case when its vote runs."""
    Decision.objects.filter(pk=open_now.pk).update(reply_ends=open_now.created)
    follow_decision(open_now.pk, open_now.created)
    open_now.refresh_from_db()
    Decision.objects.filter(pk=open_now.pk).update(voting_ends=open_now.draft_ends)
    assert open_now.state == State.VOTING
    return open_now


def test_everything_is_public(opened, members, venue):
    adopted(opened, members)
    follow_decision(opened.decision.pk, opened.executes)
    for path in (
        "/governance/",
        "/governance/?tab=closed",
        "/governance/register/",
        "/governance/committee/",
    ):
        page(browser(), path)
    shown = page(browser(), f"/governance/{opened.decision.pk}/")
    opened.decision.refresh_from_db()
    assert opened.decision.digest in shown
    assert "Event 0 paid the wrong side" in page(browser(), "/governance/?tab=closed&q=north")
    assert "Event 0 paid the wrong side" not in page(browser(), "/governance/?tab=closed&q=south")
    text = browser().get(f"/governance/{opened.decision.pk}/text")
    assert text.content == bytes(opened.decision.text)
    listed = b"".join(browser().get("/governance/register/?format=csv").streaming_content).decode()
    assert listed.splitlines()[1].endswith(opened.decision.digest)
    assert "600 OKB slashed" in listed
    record = page(browser(), "/v/north/").split('id="record"')[1]
    assert "600 OKB" in record
    assert f"/governance/{opened.decision.pk}/" in record


def test_the_effect_shows_before_and_after(opened, members):
    shown = page(browser(), f"/governance/{opened.decision.pk}/")
    assert "At the least" in shown
    for figure in ("−500", "1,000", "12"):
        assert figure in shown
    assert "As votes stand" not in shown


def test_the_queue_names_what_waits_for_me(voting_now, members, harmed):
    assert "Waiting for your vote" in page(browser(members[1].user), "/governance/")
    assert "Waiting for your vote" not in page(browser(harmed[0]), "/governance/")


def test_a_vote_is_chosen_looked_at_and_confirmed_with_a_code(voting_now, members):
    ben = browser(members[1].user)
    shown = page(ben, f"/governance/{voting_now.pk}/")
    assert "Your vote" in shown
    address = f"/governance/{voting_now.pk}/vote/"
    refused = ben.post(address, {"choice": "approve", "share": "20", "rationale": "As the replay shows."})
    assert refused.status_code == 422
    assert "50% to 100%" in refused.content.decode()
    assert VoteChallenge.objects.count() == 0
    answer = ben.post(address, {"choice": "approve", "share": "62.5", "rationale": "As the replay shows."})
    confirm = answer.headers["Location"]
    asked = page(ben, confirm)
    assert voting_now.digest in asked
    assert bytes(voting_now.text).decode().split(",")[0][1:15].replace('"', "&quot;") in asked
    assert page(browser(members[2].user), confirm, 302) == ""
    wrong = ben.post(confirm, {"code": "000000"})
    assert wrong.status_code == 422
    assert "did not prove" in wrong.content.decode()
    assert Vote.objects.count() == 0
    done = ben.post(confirm, {"code": codes(members[1].user)[0]})
    assert done.headers["Location"] == f"/governance/{voting_now.pk}/"
    assert said_in(Vote.objects.get()).share_ppm == 625_000
    sealed = page(browser(), f"/governance/{voting_now.pk}/")
    signed = Vote.objects.get().digest
    assert "Voted, sealed" in sealed
    assert signed in sealed
    assert "1 of 3" in page(browser(), "/governance/")
    for told in ("62.5%", "As the replay shows.", "1 for", "0 against", "As votes stand"):
        assert told not in sealed + page(browser(), "/governance/") + page(
            browser(members[2].user), "/governance/"
        )
    voting_now.refresh_from_db()
    follow_decision(voting_now.pk, voting_now.voting_ends)
    shown = page(browser(), f"/governance/{voting_now.pk}/")
    assert "62.5%" in shown
    assert "As the replay shows." in shown
    assert signed in shown
    assert page(ben, confirm, 302) == ""


def test_votes_are_not_cast_in_bulk_nor_by_a_link(voting_now, members):
    ben = browser(members[1].user)
    assert ben.get(f"/governance/{voting_now.pk}/vote/").status_code == 405
    assert ben.post("/governance/votes/", {"ids": "1,2"}).status_code == 404
    protected = Client(enforce_csrf_checks=True)
    protected.force_login(members[1].user)
    assert protected.post(f"/governance/{voting_now.pk}/vote/", {"choice": "reject"}).status_code == 403
    assert VoteChallenge.objects.count() == 0


def test_a_recused_member_sees_why_and_gets_no_ballot(venue, members, harmed):
    declare_conflict(members[2], venue, "I used to work there.")
    case = drafted(venue, None)
    open_decision(case.decision, members[0].user)
    decision = Decision.objects.get(pk=case.pk)
    Decision.objects.filter(pk=case.pk).update(reply_ends=decision.created)
    follow_decision(case.pk, decision.created)
    shown = page(browser(members[2].user), f"/governance/{case.pk}/")
    assert "You do not judge this" in shown
    assert 'id="ballot"' not in shown
    assert "I used to work there." in page(browser(), "/governance/committee/")


def test_the_deployer_replies_and_others_do_not(open_now, deployer, harmed):
    address = f"/governance/{open_now.pk}/reply/"
    browser(harmed[0]).post(address, {"words": "It was I who did it."})
    assert Reply.objects.count() == 0
    assert "Publish the reply" in page(browser(deployer), f"/governance/{open_now.pk}/")
    browser(deployer).post(address, {"words": "The source was wrong at first."})
    assert "The source was wrong at first." in page(browser(), f"/governance/{open_now.pk}/")


def test_the_discussion_is_escaped_and_answered(open_now, harmed):
    one = browser(harmed[0])
    address = f"/governance/{open_now.pk}/comment/"
    htmx = {"headers": {"HX-Request": "true"}}
    part = one.post(address, {"words": "<script>alert(1)</script>"}, **htmx).content.decode()
    assert "&lt;script&gt;alert(1)" in part
    first = Comment.objects.get()
    one.post(address, {"words": "An answer.", "parent": first.pk})
    second = Comment.objects.get(parent=first)
    one.post(address, {"words": "An answer to the answer.", "parent": second.pk})
    assert list(Comment.objects.order_by("pk").values_list("parent", flat=True)) == [None, first.pk, first.pk]
    assert browser().post(address, {"words": "Anonymous."}).status_code == 302
    assert Comment.objects.count() == 3
    assert "3 to 2,000" in one.post(address, {"words": "x"}, **htmx).content.decode()


def test_a_file_is_handed_out_to_be_saved_and_never_shown(open_now, members):
    kept = add_file(
        open_now, members[0].user, "The page of the source", "page.txt", b"<script>alert(1)</script>"
    )
    answer = browser().get(f"/governance/evidence/{kept.pk}/file")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="page.txt"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_anyone_signed_in_brings_a_complaint(venue, members, harmed):
    one = browser(harmed[0])
    assert "Bring a complaint" in page(one, f"/governance/new/?venue={venue.slug}")
    filled = {
        "venue": venue.slug, "offence": "downtime", "offence_at": f"{venue.created:%Y-%m-%dT%H:%M}",
        "title": "Halted all day", "summary": "Every market stood still from nine to five.", "subject": "market 0",
    }  # fmt: skip
    refused = one.post("/governance/new/", filled)
    assert refused.status_code == 422
    assert "between the launch" in refused.content.decode()
    assert "Halted all day" in refused.content.decode()
    assert Decision.objects.count() == 0
    type(venue).objects.filter(pk=venue.pk).update(created=venue.created.replace(second=0, microsecond=0))
    made = one.post("/governance/new/", filled)
    shown = page(browser(members[0].user), made.headers["Location"])
    assert "Open the case" in shown
    assert "Complaint" in shown
    assert page(browser(), "/governance/new/", 302) == ""
    browser(members[0].user).post(
        f"{made.headers['Location']}dismiss/", {"words": "It was planned and announced."}
    )
    assert Decision.objects.get().state == State.REJECTED


def test_attaching_needs_a_right_kind_of_file(open_now, members, harmed):
    count = Evidence.objects.count()
    address = f"/governance/{open_now.pk}/evidence/"
    browser(members[0].user).post(address, {"title": "Nothing"})
    browser(members[0].user).post(address, {"rule": "settlement", "params": "[", "title": ""})
    browser(harmed[0]).post(address, {"rule": "settlement", "params": "{}", "title": ""})
    assert Evidence.objects.count() == count


def test_a_page_that_is_not_there_says_so(db):
    for path in ("/governance/999/", "/governance/999/text", "/governance/evidence/999/file"):
        assert browser().get(path).status_code == 404
