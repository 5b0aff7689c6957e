"""The deployer's API: tokens with one role each, the same services as the console, refusals as JSON; webhooks."""

import hashlib
import hmac
import http.server
import json
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from examples.results.desk import Answer, Question
from examples.results.feed import Document
from examples.results.venue import VenueDesk, VenueRefused
from exchange_os.errors import DomainError
from tests.venues.conftest import ETH_USD
from tests.venues.test_contract_specs import EVENT
from tests.venues.test_events import listed
from venues.models import (
    PPM,
    DeliveryState,
    DeployerToken,
    Event,
    Market,
    Phase,
    Role,
    VenueAct,
    VenueMember,
    Webhook,
    WebhookDelivery,
)
from venues.services.acts import note_act
from venues.services.event_moves import outcome_names
from venues.services.tokens import REQUESTS_A_MINUTE, create_token, revoke_token, token_of
from venues.services.webhooks import MAX_ATTEMPTS, add_webhook, deliver_due, remove_webhook, send_again

ROOT = "/api/deployer/v1"


def call(token, method, path, body=None):
    """Status and JSON of one request."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = Client().generic(
        method, ROOT + path, json.dumps(body) if body is not None else "", "application/json", headers=headers
    )
    return answer.status_code, json.loads(answer.content)


def refusal(act, *arguments):
    with pytest.raises(DomainError) as refused:
        act(*arguments)
    return refused.value.code


@pytest.mark.django_db(transaction=True)
def test_a_program_runs_a_venue_as_its_member_would(venue, deployer):
    _, owner = create_token(deployer, venue, "All of it", "owner")
    assert call(owner, "GET", "/venue") == (
        200, {"id": venue.pk, "slug": "north", "name": "North Exchange", "state": "open", "role": "owner"},
    )  # fmt: skip
    status, halted = call(owner, "POST", "/halt", {"reason": "Maintenance of an hour."})
    assert (status, halted["state"]) == (200, "halted")
    assert call(owner, "POST", "/halt", {})[1]["code"] == "venue_move_refused"
    assert call(owner, "POST", "/resume", {})[0] == 200
    assert call(owner, "POST", "/markets/0/halt", {})[1]["phase"] == "halted"
    assert call(owner, "POST", "/markets/0/resume", {})[1]["phase"] == "open"
    status, refused = call(owner, "POST", "/markets", {**ETH_USD, "kind": "spot", "tick_size": "x"})
    assert (status, list(refused["errors"])) == (422, ["tick_size"])
    assert call(owner, "POST", "/markets", {**ETH_USD, "kind": "spot"}) == (201, {"symbols": ["ETH-USD"]})
    assert [row["symbol"] for row in call(owner, "GET", "/markets")[1]] == ["BTC-USD", "ETH-USD"]
    act = VenueAct.objects.filter(venue=venue, verb="halted").last()
    assert (act.by, act.words) == (deployer, "Maintenance of an hour.")
    assert Market.objects.get(number=0).phase == Phase.OPEN


@pytest.mark.django_db
def test_each_call_asks_for_its_role_and_a_token_has_no_other(house, person):
    calls = {
        ("POST", "/halt"): Role.HALTER, ("POST", "/resume"): Role.HALTER, ("POST", "/markets/0/halt"): Role.HALTER,
        ("POST", "/markets/0/resume"): Role.HALTER, ("POST", "/markets"): Role.OWNER,
        ("POST", f"/events/{house.events.get().pk}/result"): Role.ORACLE_UPDATER,
    }  # fmt: skip
    owner = house.deployer.user
    for role in (Role.COMPLIANCE, Role.TREASURER, Role.HALTER, Role.ORACLE_UPDATER):
        _, token = create_token(owner, house, role.label, role.value)
        for (method, path), needed in calls.items():
            if role == needed:
                continue
            body = {"evidence": "Seen by everybody.", "outcome": 0} if "result" in path else {}
            status, answer = call(token, method, path, body)
            assert (path, status, answer["code"]) == (path, 403, "role_missing")
        assert call(token, "GET", "/events")[1][0]["outcomes"] == {"0": "Yes", "1": "No"}
    house.refresh_from_db()
    assert (house.state, house.events.get().state, house.markets.count()) == ("open", "open", 1)


@pytest.mark.django_db
def test_tokens_that_do_not_live_open_nothing(house, person):
    VenueMember.objects.create(venue=house, user=person("bob"), role=Role.HALTER)
    bob, owner = person("bob"), house.deployer.user
    assert refusal(create_token, bob, house, "x", "owner") == "role_missing"
    assert refusal(create_token, person("eve"), house, "x", "halter") == "venue_unknown"
    assert refusal(create_token, bob, house, "x", "king") == "role_unknown"
    assert refusal(create_token, bob, house, " ", "halter") == "name_invalid"
    made, text = create_token(bob, house, "Bot", "halter")
    assert made.token_hash == hashlib.sha256(text.encode()).hexdigest() and text not in str(made.__dict__)
    assert (
        call(text, "GET", "/venue")[0],
        call("", "GET", "/venue")[0],
        call("xd_no", "GET", "/venue")[0],
    ) == (200, 401, 401)
    VenueMember.objects.filter(user=bob).delete()
    assert call(text, "GET", "/venue") == (
        401, {"code": "token_unknown", "message": "Send a living token: Authorization: Bearer xd_…"},
    )  # fmt: skip
    VenueMember.objects.create(venue=house, user=bob, role=Role.HALTER)
    assert refusal(revoke_token, person("eve"), house, made.pk) == "venue_unknown"
    revoke_token(owner, house, made.pk)
    assert token_of(text) is None
    assert DeployerToken.objects.get().revoked is not None


@pytest.mark.django_db
def test_a_token_that_asks_too_often_waits_and_nonsense_is_refused(house):
    _, text = create_token(house.deployer.user, house, "Bot", "halter")
    assert call(text, "POST", "/halt", {"reason": 5})[1]["code"] == "malformed"
    assert call(text, "POST", "/markets", {"kind": 5})[0] == 400
    codes = [call(text, "GET", "/venue")[0] for _ in range(2 * REQUESTS_A_MINUTE)]
    assert 429 in codes and codes.index(429) <= REQUESTS_A_MINUTE + REQUESTS_A_MINUTE
    document = json.loads(Client().get(f"{ROOT}/openapi.json").content)
    assert {"/api/deployer/v1/venue", "/api/deployer/v1/markets", "/api/deployer/v1/events"} <= set(
        document["paths"]
    )


@pytest.fixture
def listener():
    """A web server that keeps what it is sent; ``answers`` are the statuses to come, then 204."""
    seen, answers = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((dict(self.headers), body))
            self.send_response(answers.pop(0) if answers else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", seen, answers
    server.shutdown()


def overdue():
    WebhookDelivery.objects.filter(state=DeliveryState.DUE).update(due=timezone.now())


@pytest.mark.django_db
def test_every_act_is_told_signed_and_again_until_it_is_taken(house, listener, settings):
    settings.ORACLE_ALLOW_PRIVATE = True
    url, seen, answers = listener
    owner = house.deployer.user
    hook, secret = add_webhook(owner, house, url)
    assert secret.encode() not in bytes(hook.secret)
    WebhookDelivery.objects.all().delete()
    note_act(house, owner, "halted", "House", words="Maintenance.", before={"n": 1}, after={"n": 2})
    answers += [500, 302]
    assert deliver_due() == 0
    assert deliver_due() == 0, "not before its time"
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.status, row.error) == ("due", 1, 500, "answered 500")
    assert timedelta(seconds=5) < row.due - timezone.now() <= timedelta(seconds=10)
    overdue()
    assert deliver_due() == 0, "a redirect is not followed"
    overdue()
    assert deliver_due() == 1
    assert [len(seen), len({body for _, body in seen})] == [3, 1], "the same bytes each time"
    headers, body = seen[-1]
    stamp, code = (part.split("=")[1] for part in headers["X-Exos-Signature"].split(","))
    assert code == hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["act"], told["by"], told["reason"], told["after"]) == (
        "halted",
        owner.email,
        "Maintenance.",
        {"n": 2},
    )


@pytest.mark.django_db
def test_a_delivery_is_given_up_after_its_tries_and_can_be_sent_again(house, listener, settings):
    settings.ORACLE_ALLOW_PRIVATE = True
    url, seen, answers = listener
    owner = house.deployer.user
    add_webhook(owner, house, url)
    answers += [503] * MAX_ATTEMPTS
    for _ in range(MAX_ATTEMPTS + 1):
        overdue()
        deliver_due()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, len(seen)) == ("failed", MAX_ATTEMPTS, MAX_ATTEMPTS)
    send_again(owner, house, row.pk)
    assert deliver_due() == 1
    remove_webhook(owner, house, Webhook.objects.get().pk)
    assert WebhookDelivery.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://localhost/", "https://127.0.0.1/", "https://169.254.169.254/latest", "ftp://a.example/",
     "https://user:pw@example.com/", "https://example.com:22/", "javascript:alert(1)", ""],
)  # fmt: skip
def test_an_address_inside_is_refused_or_never_reached(house, url):
    owner = house.deployer.user
    try:
        add_webhook(owner, house, url)
    except DomainError as refused:
        assert (refused.code, Webhook.objects.count()) == ("url_invalid", 0)
        return
    overdue()
    assert deliver_due() == 0
    assert "not on the public internet" in WebhookDelivery.objects.get().error


@pytest.mark.django_db
def test_the_page_shows_a_token_and_a_secret_once(house, signed_in):
    visitor = signed_in(house.deployer.user)
    page = reverse("deployer:api", args=[house.pk])
    made = visitor.post(reverse("deployer:new_token", args=[house.pk]), {"name": "Feed", "role": "oracle"})
    assert made.context["text"] in made.content.decode()
    assert made.context["text"] not in visitor.get(page).content.decode()
    refused = visitor.post(reverse("deployer:new_webhook", args=[house.pk]), {"url": "http://10.0.0.1/"})
    assert (refused.status_code, Webhook.objects.count()) == (422, 0)
    end = reverse("deployer:api_end", args=[house.pk, "tokens", DeployerToken.objects.get().pk])
    assert visitor.post(end).url == page
    assert token_of(made.context["text"]) is None


@pytest.mark.django_db(transaction=True)
def test_a_desk_proposes_and_corrects_over_http_and_gives_nothing_up(venue, deployer, live_server):
    event = listed(deployer, venue, EVENT)
    _, token = create_token(deployer, venue, "Desk", "oracle")
    desk = VenueDesk(live_server.url, token)
    names = tuple(outcome_names(event).values())
    assert desk.questions() == [Question(event.code, names, 100, {})]
    document = Document("Weather", [], "a" * 64)
    yes, no = Answer({0: PPM}, "It rained, 4 mm."), Answer({1: PPM}, "It did not rain after all.")
    for answer, moves in ((yes, 1), (yes, 1), (no, 2), (no, 2)):
        desk.propose(desk.questions()[0], answer, document, "https://example.com/rome.json")
        assert event.moves.filter(state="proposed").count() == moves, "the same again is no new window"
    assert desk.questions()[0].proposed == {1: PPM}
    row = call(token, "GET", f"/events/{event.pk}")[1]
    assert (row["state"], row["payouts"], row["void"]) == ("proposed", {"0": 0, "1": PPM}, False)
    assert row["correctable_until"] is not None
    last = event.moves.last()
    assert (last.by, last.words) == (deployer, "It did not rain after all. Read from Weather.")
    # Disputed: a program does not give in by the way.
    Event.objects.filter(pk=event.pk).update(state="disputed")
    assert desk.questions() == []
    body = {"outcome": 0, "evidence": "It rained, as all can see."}
    status, refused = call(token, "POST", f"/events/{event.pk}/result", body)
    assert (status, refused["code"]) == (422, "dispute_open")
    with pytest.raises(VenueRefused, match="The result is disputed"):
        desk.propose(Question(event.code, names, 100), yes, document, "https://example.com/rome.json")
    assert event.moves.filter(state="proposed").count() == 2
    for wrong in ({}, {"outcome": 0, "void": True}, {"outcome": 0, "payouts": {"0": PPM}}):
        answer = call(token, "POST", f"/events/{event.pk}/result", {"evidence": "Seen by all.", **wrong})
        assert answer[1]["code"] == "payouts_invalid"
    with pytest.raises(VenueRefused, match="living token"):
        VenueDesk(live_server.url, "xd_no").questions()
