"""Detectors: what tables make suspicious is replayed from the journal, and kept once with its finding."""

import logging
import time
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db import transaction

from exchange_os.engine.models import Incident as Outage
from exchange_os.errors import DomainError
from governance.canonical import canonical, digest
from governance.models import Case, Incident
from governance.offences import OFFENCES
from governance.selectors.committee import require_member
from governance.selectors.suspicions import Suspicion, head_of, outage_window, suspicions
from governance.services.cases import draft_case
from governance.services.evidence import Wanted, add_replay, run_rule
from venues.selectors import live_venues

log = logging.getLogger(__name__)

#: A suspicion that a replay did not bear out is replayed again when something new happened, ``SHARE`` times as
#: long as the replay took later; whatever happened, at least once in ``FORGOTTEN_SECONDS``.
SHARE = 50
FORGOTTEN_SECONDS = 3_600


def detect(now: datetime) -> list[Incident]:
    """Look at every venue; the incidents that are new. Safe to repeat: what is known is not looked at again."""
    note_ends()
    found: list[Incident] = []
    for venue in live_venues().filter(fronts=None):
        for suspicion in suspicions(venue, now):
            mark = suspicion.mark or str(head_of(venue.group_id))
            if not _is_due(suspicion, mark, now):
                continue
            began = time.monotonic()
            try:
                made = _look(suspicion)
            except DomainError as refused:
                log.warning("%s of %s not replayed: %s", suspicion.rule, venue.slug, refused.message)
                continue
            finally:
                _note_look(suspicion, mark, now, time.monotonic() - began)
            if made is not None:
                log.warning("incident %s at %s: %s", made.pk, venue.slug, made.title)
                found.append(made)
    return found


def note_ends() -> int:
    """Close the incidents about outages that ended; how many."""
    lasting = {row.window: row.pk for row in Incident.objects.filter(rule="silence", ended=None)}
    ended = (
        Outage.objects.filter(kind=Outage.Kind.OUTAGE).exclude(ended_at=None)
        if lasting
        else Outage.objects.none()
    )
    numbers = [int(window.rpartition(" ")[2]) for window in lasting]
    return sum(
        Incident.objects.filter(pk=lasting[outage_window(outage.pk)]).update(ended=outage.ended_at)
        for outage in ended.filter(pk__in=numbers)
    )


def draft_from_incident(incident: Incident, by: AbstractBaseUser) -> Case:
    """A draft of a case with the incident's finding replayed and attached; the one there is, if there is one.

    Raises ``not_a_member`` and as ``draft_case`` and ``add_replay``.
    """
    require_member(by.pk)
    with transaction.atomic():
        locked = Incident.objects.select_for_update(of=("self",)).select_related("venue").get(pk=incident.pk)
        if locked.case is not None:
            return locked.case
        words = f"Found by the platform: {locked.finding['sentence']} {OFFENCES[locked.offence].words}"
        case = draft_case(
            by, locked.venue, locked.offence, max(locked.happened, locked.venue.created), locked.title, words,
            subject=locked.window,
        )  # fmt: skip
        wanted = Wanted(locked.rule, locked.params, locked.first_sequence, locked.last_sequence)
        add_replay(case.decision, by, f"Finding of the platform, incident {locked.pk}", wanted)
        locked.case = case
        locked.save(update_fields=["case"])
    return case


def _is_due(suspicion: Suspicion, mark: str, now: datetime) -> bool:
    looked = cache.get(_key(suspicion))
    return looked is None or (looked["mark"] != mark and now.timestamp() >= looked["again"])


def _note_look(suspicion: Suspicion, mark: str, now: datetime, seconds: float) -> None:
    looked = {"mark": mark, "again": now.timestamp() + seconds * SHARE}
    cache.set(_key(suspicion), looked, FORGOTTEN_SECONDS)


def _key(suspicion: Suspicion) -> str:
    seen = f"{suspicion.venue.pk} {suspicion.rule} {suspicion.window} {suspicion.params}"
    return f"governance:looked:{digest(seen.encode())}"


def _look(suspicion: Suspicion) -> Incident | None:
    """Replay a suspicion; the incident if the rule finds what was suspected."""
    venue = suspicion.venue
    last = head_of(venue.group_id)
    if not 1 <= suspicion.first_sequence <= last:
        return None
    wanted = Wanted(suspicion.rule, suspicion.params, suspicion.first_sequence, last)
    finding, journal_hash = run_rule(venue.group_id, wanted)
    if not finding["found"]:
        return None
    made, is_new = Incident.objects.get_or_create(
        venue=venue,
        rule=suspicion.rule,
        window=suspicion.window,
        defaults={
            "offence": suspicion.offence,
            "title": suspicion.title,
            "happened": suspicion.happened,
            "group_id": venue.group_id,
            "params": suspicion.params,
            "first_sequence": suspicion.first_sequence,
            "last_sequence": last,
            "journal_hash": journal_hash,
            "finding": finding,
            "sha256": digest(canonical(finding)),
        },
    )
    return made if is_new else None
