"""A group that does not answer is noticed while it lasts; a quiet one is not, nor is any blamed for absent workers."""

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.test import Client
from redis import Redis

from exchange_os.engine import wire
from exchange_os.engine.models import Incident, RiskGroup
from exchange_os.operations.selectors.figures import figures
from exchange_os.operations.selectors.watching import alarms
from exchange_os.operations.services import outages, take_sample
from exchange_os.operations.services.outages import note_outages

pytestmark = pytest.mark.django_db


def wait_in(redis: Redis, group: int, seconds: int) -> str:
    """An entry that came into the group's stream so long ago and has had no answer."""
    entry = f"{time.time_ns() // 1_000_000 - seconds * 1_000}-0"
    redis.xadd(wire.stream_key(group), {"c": b"\0"}, id=entry)
    redis.hset(wire.group_key(group), "in", 1)
    redis.sadd(wire.DIRTY_KEY, group)
    return entry


def answer(redis: Redis, group: int, entry: str) -> None:
    redis.xdel(wire.stream_key(group), entry)
    redis.hset(wire.group_key(group), "out", 1)


def test_an_outage_is_noticed_while_it_lasts_and_closed_by_the_answer(
    redis_client: Redis,
    first: AbstractBaseUser,
    as_user: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "OUTAGE_MS", 3_600_000)
    away, slow, quiet = (RiskGroup.objects.create(head_sequence=7).pk for _ in range(3))
    entry = wait_in(redis_client, away, 4_000)
    wait_in(redis_client, slow, 6)
    take_sample()
    assert not Incident.objects.exists(), "no worker is alive: that is told, and of no group"
    assert "no-worker" in {alarm.section for alarm in alarms(figures())}

    redis_client.set(wire.worker_key("engine-1/a"), "I", ex=60)
    made = take_sample()
    assert made is None or str(quiet) not in made.groups
    assert [note_outages(figures()) for _ in range(2)] == [1, 1]
    outage = Incident.objects.get()
    assert (outage.group_id, outage.kind, outage.stream_entry, outage.sequence) == (away, "outage", entry, 7)
    told = [(alarm.section, alarm.title) for alarm in alarms(figures()) if f"group {away}:" in alarm.title]
    assert told == [("incident-outage", f"Risk group {away}: does not answer")]
    page = as_user(first).get("/operator/dashboard/live/").content.decode()
    assert f"Risk group {away}: does not answer" in page
    assert "#incident-outage" in page
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(group_id=away, kind="outage", message="Once more.")

    redis_client.delete(wire.worker_key("engine-1/a"))
    assert note_outages(figures()) == 1, "what began before stays open"
    redis_client.set(wire.worker_key("engine-1/a"), "I", ex=60)
    answer(redis_client, away, entry)
    now = figures()
    assert note_outages(now) == 0
    outage.refresh_from_db()
    assert (outage.ended_at, outage.resolved) == (now.at, True)
    assert not [alarm for alarm in alarms(now) if alarm.section == "incident-outage"]
