"""The operator's commands: what they say of a sound group and of a broken one."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from redis import Redis

from exchange_os.engine import client, wire
from exchange_os.engine.errors import GroupHalted
from exchange_os.engine.models import RiskGroup
from exchange_os.engine.services import resume_group
from tests.engine.cast import crossing_flow, order, send
from tests.engine.conftest import LocalWorker, wait_until


def test_a_sound_journal_holds(market_group: int, capsys: pytest.CaptureFixture[str]) -> None:
    for command in crossing_flow(6):
        send(market_group, command)
    call_command("verify_journal", "--group", str(market_group))
    assert f"risk group {market_group}: holds" in capsys.readouterr().out


def test_a_rewritten_row_is_found(market_group: int, capsys: pytest.CaptureFixture[str]) -> None:
    send(market_group, order())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE engine_journalbatch DISABLE TRIGGER USER")
        cursor.execute("GRANT UPDATE ON engine_journalbatch TO CURRENT_USER")
        cursor.execute(
            "UPDATE engine_journalbatch SET now_ms = now_ms + 1 WHERE group_id = %s", [market_group]
        )
        cursor.execute("REVOKE UPDATE ON engine_journalbatch FROM CURRENT_USER")
        cursor.execute("ALTER TABLE engine_journalbatch ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="do not hold"):
        call_command("verify_journal", "--group", str(market_group))
    assert "does not have the hash of its bytes" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_unknown_group_is_an_error() -> None:
    with pytest.raises(CommandError, match="no risk group"):
        call_command("verify_journal", "--group", "999999")


def test_status_names_workers_and_groups(market_group: int, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("engine_status")
    out = capsys.readouterr().out
    assert "workers: engine-test/" in out
    assert "risk groups: 1, in memory: 1" in out


def test_a_halted_group_goes_on_after_review(
    market_group: int, local_worker: LocalWorker, redis_client: Redis
) -> None:
    wait_until(lambda: not local_worker.engine.holdings.active)
    local_worker.engine.holdings.evict_idle(idle_ms=0)
    head = bytes(RiskGroup.objects.get(pk=market_group).head_hash)
    RiskGroup.objects.filter(pk=market_group).update(head_hash=b"another")
    with pytest.raises(GroupHalted):
        client.query(market_group, {"q": "markets"})
    wait_until(lambda: bool(redis_client.hexists(wire.group_key(market_group), "h")))
    assert RiskGroup.objects.get(pk=market_group).status == RiskGroup.Status.HALTED
    wait_until(lambda: not local_worker.engine.holdings.active)
    RiskGroup.objects.filter(pk=market_group).update(head_hash=head)
    local_worker.engine.holdings.evict_idle(idle_ms=0)
    resume_group(market_group)
    assert send(market_group, order()).code == 0
