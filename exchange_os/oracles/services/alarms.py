"""Alarms: opened once, counted while they last, closed when it is over. Each turn is one line in the log."""

from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from exchange_os.oracles.models import AlarmCode, OracleAlarm, PriceSource

log = structlog.get_logger("exchange_os.oracles")

#: (market, source or None, code) -> details: what is wrong.
Wrong = dict[tuple[int, int | None, str], dict[str, Any]]

FAILURES = 3
GRADES = {
    "thin": AlarmCode.PRICE_THIN,
    "stale": AlarmCode.PRICE_STALE,
    "volatile": AlarmCode.PRICE_VOLATILE,
}
PPM = 1_000_000


def settle_alarms(group_id: int, wrong: Wrong) -> None:
    """Make the open alarms of a group those of ``wrong``: open what is new, count what lasts, close what is over."""
    with transaction.atomic():
        open_now = {
            (alarm.market, alarm.source_id, alarm.code): alarm
            for alarm in OracleAlarm.objects.select_for_update().filter(group_id=group_id, closed=None)
        }
        lasting = [alarm.pk for key, alarm in open_now.items() if key in wrong]
        over = [alarm.pk for key, alarm in open_now.items() if key not in wrong]
        OracleAlarm.objects.filter(pk__in=lasting).update(count=F("count") + 1, seen=timezone.now())
        OracleAlarm.objects.filter(pk__in=over).update(closed=timezone.now())
        new = {key: detail for key, detail in wrong.items() if key not in open_now}
        OracleAlarm.objects.bulk_create(
            [
                OracleAlarm(group_id=group_id, market=market, source_id=source, code=code, detail=detail)
                for (market, source, code), detail in new.items()
            ],
            ignore_conflicts=True,
        )
    for (market, source, code), detail in new.items():
        log.error("oracle_alarm", code=code, group=group_id, market=market, source=source, **detail)
    for key, alarm in open_now.items():
        if key not in wrong:
            log.info("oracle_recovered", code=alarm.code, group=group_id, market=key[0], source=key[1])


def find_wrong(markets: list[dict[str, Any]], sources: list[PriceSource]) -> Wrong:
    """What is wrong with prices as the kernel shows them (query ``prices``) and with the sources that tell them."""
    wrong: Wrong = {}
    told = {source.market for source in sources}
    named = {(source.market, source.number): source.pk for source in sources}
    for source in sources:
        if source.failures >= FAILURES:
            key = (source.market, source.pk, AlarmCode.SOURCE_FAILING)
            wrong[key] = {"failures": source.failures, "error": source.last_error}
    for shown in markets:
        market = shown["market"]
        if market not in told:
            continue
        if code := GRADES.get(shown["grade"]):
            wrong[market, None, code] = {"index_ticks": shown["index_ticks"]}
        for voice in shown["sources"]:
            if (market, voice["source"]) in named:
                wrong |= {
                    (market, named[market, voice["source"]], code): {"ticks": voice["ticks"]}
                    for code in _faults(voice, shown)
                }
    return wrong


def _faults(voice: dict[str, Any], shown: dict[str, Any]) -> list[str]:
    """What is wrong with one source of a market."""
    faults: list[str] = []
    if voice["demoted"]:
        faults.append(AlarmCode.SOURCE_DEMOTED)
    elif voice["strikes"]:
        faults.append(AlarmCode.SOURCE_GARBAGE)
    elif not voice["fresh"]:
        faults.append(AlarmCode.SOURCE_STALE)
    away = abs(voice["ticks"] - shown["index_ticks"])
    if voice["fresh"] and away * PPM > shown["index_ticks"] * shown["rules"]["divergence_ppm"]:
        faults.append(AlarmCode.SOURCE_DIVERGENT)
    return faults
