"""What the dashboard and Prometheus are told: of a worker that serves, of money that is stuck, of what is wrong."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from exchange_os.asgi import application
from exchange_os.engine import client as engine_client
from exchange_os.engine.connections import make_redis
from exchange_os.engine.models import Incident, RiskGroup
from exchange_os.engine.services import create_group
from exchange_os.engine.tallies import BOUNDS_MS, Tally, quantile, read_tallies
from exchange_os.ledger.services import request_deposit, settle_transfers
from exchange_os.ledger.services.check import LEDGER_KEY
from exchange_os.operations import consumers
from exchange_os.operations.models import Sample
from exchange_os.operations.selectors import watching
from exchange_os.operations.selectors.audit import AUDIT_KEY
from exchange_os.operations.selectors.courses import RANGES, courses
from exchange_os.operations.selectors.figures import figures
from exchange_os.operations.selectors.watching import alarms, stuck
from exchange_os.operations.services import take_sample, thin_samples
from exchange_os.operations.views.charts import nice_top, parts_of
from exchange_os.operations.views.runbook import sections
from exchange_os.oracles.models import AlarmCode
from exchange_os.transparency.models import Night
from exchange_os.ui.access import SEEN
from governance.models import Decision
from tests.engine.cast import MAKER, open_market, order
from tests.engine.conftest import LocalWorker, wait_until

pytestmark = pytest.mark.django_db
COMMANDS = 20


def test_a_tally_knows_rates_and_quantiles_of_its_window() -> None:
    tally = Tally()
    for took_ms in [0.4] * 98 + [7.0, 9_000.0]:
        tally.add(3, took_ms)
    row = tally.report()
    assert (row["commands"], row["batches"], row["rate"]) == (300, 100, 300.0)
    assert (row["p50"], row["p99"], sum(row["buckets"])) == (0.5, 8.0, 100)
    assert quantile(row["buckets"], 1.0) == BOUNDS_MS[-1]
    assert quantile([0] * (len(BOUNDS_MS) + 1), 0.5) is None
    for _ in range(11):
        row = tally.report()
    assert (row["rate"], row["p99"], row["commands"], tally.rests) == (0.0, None, 300, True)


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_counts_reaches_the_dashboard_and_prometheus(
    local_worker: LocalWorker, settings: object, first: AbstractBaseUser, as_user: Callable[..., Client]
) -> None:
    settings.METRICS_TOKEN = "a long enough token"  # type: ignore[attr-defined]
    group = create_group().pk
    open_market(group)
    for _ in range(COMMANDS):
        assert engine_client.submit(group, order(MAKER)).code == 0
    name = local_worker.engine.incarnation
    with make_redis() as redis:
        wait_until(
            lambda: read_tallies(redis).get(name, {}).get(group, {}).get("commands", 0) >= COMMANDS + 9
        )
        row = read_tallies(redis)[name][group]
    head = figures().groups[0].group.head_sequence
    assert row["commands"] == head
    assert row["batches"] == sum(row["buckets"])
    now = figures()
    shown = next(each for each in now.groups if each.group.pk == group)
    assert (shown.owner, shown.owner_alive, shown.depth, shown.group.epoch) == (name, True, 0, 1)
    assert list(now.workers) == [name]

    page = as_user(first).get("/operator/dashboard/live/").content.decode()
    assert f"group {group}" in page
    assert f"{head:,}" in page

    client = Client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer a long enough token"})
    families = {each.name: each for each in text_string_to_metric_families(answer.content.decode())}
    (told,) = [each for each in families["exchange_engine_commands"].samples if each.name.endswith("_total")]
    assert (told.labels, told.value) == ({"worker": name, "group": str(group)}, head)
    buckets = [s for s in families["exchange_engine_batch_seconds"].samples if s.name.endswith("_bucket")]
    assert buckets[-1].labels["le"] == "+Inf"
    assert buckets[-1].value == row["batches"]
    heads = {s.labels["group"]: s.value for s in families["exchange_group_journal_head"].samples}
    assert heads == {str(group): head}
    refused = [
        s for s in families["exchange_http_request_seconds"].samples
        if s.name.endswith("_count") and s.labels["view"] == "metrics" and s.labels["status"] == "401"
    ]  # fmt: skip
    assert [s.value for s in refused] == [2]
    settings.METRICS_TOKEN = ""  # type: ignore[attr-defined]
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_stuck_money_is_shown_and_retried_once(
    maker: AbstractBaseUser,
    usd: object,
    fund: Callable[..., None],
    first: AbstractBaseUser,
    as_user: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fund(maker, usd, 1_000)
    made = request_deposit(maker, create_group().pk, 16, usd, 600)  # type: ignore[arg-type]
    assert stuck() == []
    (found,) = stuck(timezone.now() + timedelta(seconds=11))
    assert (found.kind, found.pk, found.words) == ("transfer", made.pk, "Wallet to venue: 0.0006 USD")
    monkeypatch.setattr(watching, "STUCK_AFTER", timedelta(0))
    staff = as_user(first)
    assert f"transfer {made.pk}" in staff.get("/operator/dashboard/live/").content.decode()
    assert staff.post(f"/operator/dashboard/retry/transfer/{made.pk}/").status_code == 302
    with make_redis() as redis:
        assert redis.xlen(f"xos:stream:{made.group_id}") == 1
    settle_transfers(made.group_id, [(made.pk, 16, made.asset_id, 600, False, 1)])
    staff.post(f"/operator/dashboard/retry/transfer/{made.pk}/")
    with make_redis() as redis:
        assert redis.xlen(f"xos:stream:{made.group_id}") == 1


def test_every_alarm_leads_to_a_section_of_the_runbook(db: None) -> None:
    anchors = {each["anchor"] for each in sections()}
    wanted = {code.value.replace("_", "-") for code in AlarmCode} | {
        f"incident-{kind}" for kind in Incident.Kind.values
    }
    assert wanted <= anchors
    Incident.objects.create(group_id=create_group().pk, kind="halt", message="It does not add up.")
    found = alarms(figures())
    assert {alarm.section for alarm in found} == {"no-worker", "no-beat", "incident-halt"}
    cache.set(LEDGER_KEY, {"faults": 2, "at": 0}, None)
    cache.set(AUDIT_KEY, {"broken": 7, "cut": False, "head": "", "at": 0}, None)
    night = Night.objects.create(day=date(2026, 11, 28), digest="0" * 64, statement="{}", secret=b"")
    later = replace(figures(), at=night.published + timedelta(hours=25))
    assert "night-missing" not in {alarm.section for alarm in alarms(later)}
    Decision.objects.create(kind="slash", title="A slash", problem="The venue does not answer.")
    found = alarms(replace(later, at=night.published + timedelta(hours=27)))
    sections_found = [alarm.section for alarm in found]
    assert sections_found[-4:] == ["ledger-faults", "audit-broken", "night-missing", "decision-stuck"]
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', Path(watching.__file__).read_text()))
    assert named & anchors >= {"stream-stuck", "database-connections", "long-transaction", "queue-long"}
    assert named <= anchors
    assert "<strong>Meaning.</strong>" in sections()[0]["body"]


def test_charts_show_hours_and_days_with_gaps_where_nothing_was_kept(
    first: AbstractBaseUser, as_user: Callable[..., Client]
) -> None:
    now = timezone.now()
    figures_of = dict.fromkeys(("p99", "depth", "queued", "sockets", "workers", "connections", "size"), 0)
    for seconds, rate in ((1, 70.0), (45, 30.0), (50, 50.0), (3_000, 10.0), (7_000, 90.0)):
        Sample.objects.create(
            at=now - timedelta(seconds=seconds),
            figures={**figures_of, "rate": rate, "wal": 100_000 - seconds},
        )
    found = courses("1h", now)
    assert (len(found.lines["rate"]), found.lines["rate"][-3:], found.lines["rate"].count(None)) == (
        180, [40.0, None, 70.0], 177,
    )  # fmt: skip
    assert found.lines["wal"] == [None] * 180, "no two steps side by side"
    assert 90.0 in courses("6h", now).lines["rate"]
    assert parts_of([1.0, 3.0, None, 2.0], 4.0) == ["0.0,120.0 200.0,40.0", "600.0,80.0 601.0,80.0"]
    assert [nice_top(each) for each in (0, 4, 4.1, 90, 120, 700)] == [4.0, 4.0, 5.0, 100.0, 200.0, 800.0]
    assert [nice_top(each, 1_024) for each in (3, 187_000, 27_000_000)] == [4.0, 200 * 1_024, 40 * 1_024**2]
    staff = as_user(first)
    for name in (*RANGES, "nonsense"):
        page = staff.get(f"/operator/charts/?range={name}").content.decode()
        assert "Commands a second" in page
        assert "<polyline" in page
    assert Client().get("/operator/charts/").status_code == 302


def test_samples_are_kept_a_day_and_then_thinned(db: None) -> None:
    made = take_sample()
    assert made is not None
    assert made.figures["workers"] == 0
    now = timezone.now()
    for age in [timedelta(hours=3)] * 2 + [timedelta(days=2)] * 60 + [timedelta(days=31)] * 3:
        at = (now - age).replace(minute=20, second=0, microsecond=0)
        Sample.objects.create(at=at + timedelta(seconds=Sample.objects.count()), figures=made.figures)
    assert thin_samples(now) == 59 + 3
    assert Sample.objects.count() == 1 + 2 + 1


def told(
    session_key: str, origin: str = "http://localhost", moments: int = 1, query: str = ""
) -> list[str | int]:
    """What a dashboard's socket says first, at most so much, or the code it is closed with."""

    async def listen() -> list[str | int]:
        scope = {
            "type": "websocket", "path": "/ws/operator/dashboard/", "query_string": f"q={query}".encode(),
            "headers": [
                (b"origin", origin.encode()), (b"host", b"localhost"),
                (b"cookie", f"sessionid={session_key}".encode()),
            ],
        }  # fmt: skip
        socket = ApplicationCommunicator(application, scope)
        await socket.send_input({"type": "websocket.connect"})
        said: list[str | int] = []
        while len(said) < moments:
            message = await socket.receive_output(20)
            if message["type"] == "websocket.close":
                said.append(message.get("code", 403))
                break
            if message["type"] == "websocket.send":
                said.append(message["text"])
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()
        return said

    return async_to_sync(listen)()


@pytest.mark.django_db(transaction=True)
def test_the_dashboard_is_pushed_to_staff_who_proved_a_second_factor(
    first: AbstractBaseUser, as_user: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "PUSH_SECONDS", 0.01)
    group = RiskGroup.objects.create(head_sequence=5).pk
    looking = as_user(first)
    key = looking.cookies["sessionid"].value
    pushed = told(key, moments=3)
    assert all("Commands a second" in str(each) and f"group {group}" in str(each) for each in pushed)
    assert f"group {group}" not in str(told(key, query="elsewhere")[0])
    assert told(key, origin="https://evil.example") == [403]
    session = looking.session
    session[SEEN] = int(time.time()) - django_settings.IDLE_SESSION_SECONDS
    session.save()
    assert told(key) == [consumers.UNAUTHENTICATED]
    session[SEEN] = int(time.time())
    session["account_authentication_methods"] = []
    session.save()
    assert told(key) == [consumers.UNAUTHENTICATED]
    plain = as_user(get_user_model().objects.create_user("visitor"))
    for stranger in (plain.cookies["sessionid"].value, "", "no-such-session"):
        assert told(stranger) == [consumers.UNAUTHENTICATED]
