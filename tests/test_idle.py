"""Sessions of members and staff end after fifteen idle minutes; what they were sending is kept for them alone."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from exchange_os import idle
from governance.models import Case
from governance.services.committee import seat_member
from tests.governance.conftest import deployer, venue

__all__ = ["deployer", "venue"]

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
MINUTE = 60
FRAGMENT = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def clock(monkeypatch):
    """A hand that turns the clock of sessions; members are looked up anew."""
    idle.member_ids.cache_clear()
    now = [time.time()]
    monkeypatch.setattr(idle.time, "time", lambda: now[0])

    def forward(seconds):
        now[0] += seconds

    yield forward
    idle.member_ids.cache_clear()


@pytest.fixture
def ada(clock):
    """A member of the committee."""
    user = get_user_model().objects.create_user("ada", "ada@example.com")
    seat_member(user, "Ada", timezone.now() + timedelta(days=9))
    idle.member_ids.cache_clear()
    return user


def signed(user):
    client = Client()
    client.force_login(user, backend=BACKEND)
    assert client.get("/governance/").status_code == 200
    return client


def is_signed_in(client):
    return "_auth_user_id" in client.session


def test_a_member_who_does_nothing_is_signed_out_with_a_page_that_says_so(ada, clock):
    client = signed(ada)
    clock(14 * MINUTE)
    assert client.get("/governance/").status_code == 200
    clock(14 * MINUTE)
    assert client.get("/governance/").status_code == 200
    clock(15 * MINUTE)
    answer = client.get("/governance/?state=voting")
    assert (answer.status_code, is_signed_in(client)) == (401, False)
    page = answer.content.decode()
    assert "You were signed out" in page
    assert "15 minutes" in page
    assert "/accounts/login/?next=%2Fgovernance%2F%3Fstate%3Dvoting" in page
    assert client.get("/governance/").status_code == 200, "a visitor reads on"


def test_staff_are_signed_out_and_others_are_not(clock):
    users = get_user_model().objects
    operator = signed(users.create_user("operator", "operator@example.com", is_staff=True))
    trader = signed(users.create_user("trader", "trader@example.com"))
    clock(15 * MINUTE)
    assert operator.get("/governance/").status_code == 401
    clock(30 * 24 * 60 * MINUTE // 31)
    assert trader.get("/governance/").status_code == 200
    assert (is_signed_in(operator), is_signed_in(trader)) == (False, True)


def test_a_page_that_renews_itself_keeps_nobody_signed_in(ada, clock):
    client = signed(ada)
    for _ in range(3):
        clock(5 * MINUTE - 1)
        assert client.get("/governance/", **FRAGMENT).status_code == 200
    assert is_signed_in(client)
    clock(3)
    # The part of a page is that of a visitor from now on; nothing moves under the reader's eyes.
    assert client.get("/governance/", **FRAGMENT).status_code == 200
    assert not is_signed_in(client)


def new_case(venue):
    now = timezone.now()
    type(venue).objects.filter(pk=venue.pk).update(created=now - timedelta(days=1))
    return {
        "venue": venue.slug, "offence": "downtime", "offence_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "title": "It stood still", "summary": "For an hour and\na half, as I saw myself.", "password": "never",
    }  # fmt: skip


def test_a_form_that_came_too_late_is_kept_for_its_sender(ada, clock, venue):
    client = signed(ada)
    clock(16 * MINUTE)
    answer = client.post(
        "/governance/new/", new_case(venue), HTTP_REFERER="http://testserver/governance/new/"
    )
    assert (answer.status_code, is_signed_in(client), Case.objects.count()) == (401, False, 0)
    assert "kept for an hour" in answer.content.decode()
    assert client.get("/session/kept/").status_code == 302, "not for a visitor"
    client.force_login(ada, backend=BACKEND)
    page = client.get("/session/kept/").content.decode()
    assert "For an hour and<br>a half" in page
    assert 'action="/governance/new/"' in page
    assert 'href="http://testserver/governance/new/"' in page
    assert "never" not in page
    sent = dict(client.session[idle.KEPT]["fields"])
    assert client.post("/governance/new/", sent).status_code == 302
    assert Case.objects.get().decision.title == "It stood still"
    assert client.get("/session/kept/").status_code == 404, "sent once"


def test_what_is_kept_is_nobody_elses_and_is_thrown_away(ada, clock, venue):
    client = signed(ada)
    clock(16 * MINUTE)
    htmx = client.post("/governance/new/", new_case(venue), **FRAGMENT)
    assert (htmx.status_code, htmx["HX-Redirect"]) == (401, "/session/ended/?next=%2Fsession%2Fkept%2F")
    assert "/accounts/login/?next=%2Fsession%2Fkept%2F" in client.get(htmx["HX-Redirect"]).content.decode()
    other = get_user_model().objects.create_user("other", "other@example.com")
    client.force_login(other, backend=BACKEND)
    assert client.get("/session/kept/").status_code == 404
    client = signed(ada)
    clock(16 * MINUTE)
    client.post("/governance/new/", new_case(venue))
    client.force_login(ada, backend=BACKEND)
    assert client.post("/session/kept/").status_code == 302
    assert (client.get("/session/kept/").status_code, Case.objects.count()) == (404, 0)


def test_a_forged_form_ends_no_session_and_keeps_nothing(ada, clock, venue):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada, backend=BACKEND)
    client.get("/governance/")
    clock(16 * MINUTE)
    assert client.post("/governance/new/", new_case(venue)).status_code == 403
    assert idle.KEPT not in client.session
