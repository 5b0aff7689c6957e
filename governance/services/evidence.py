"""Evidence: files as they are, and findings that anyone can replay from the journal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.engine.models import RiskGroup
from exchange_os.engine.past import replay_of
from exchange_os.engine.replaying import JournalUnsound
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from governance.canonical import canonical, digest
from governance.kinds import kind_of
from governance.models import Case, Decision, Evidence, EvidenceFile, EvidenceKind, Harmed, State
from governance.rules import RULES, ParamsWrong
from governance.selectors.committee import member_of
from governance.services.cases import stake_worth
from trading.models import TradingAccount

MAX_FILE_BYTES = 2 * 2**20
MAX_ITEMS = 20
#: Types by the end of the name, with what their bytes begin with (nothing: UTF-8 text).
FILE_TYPES: dict[str, tuple[str, bytes]] = {
    ".pdf": ("application/pdf", b"%PDF-"),
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".txt": ("text/plain", b""),
    ".csv": ("text/csv", b""),
    ".json": ("application/json", b""),
}
PLACES = (State.DRAFT, State.REPLY, State.VOTING)


@dataclass(frozen=True)
class Wanted:
    """A replay that is asked for: the rule with its parameters, and the range of the journal it shows."""

    rule: str
    params: Mapping[str, Any]
    first_sequence: int
    last_sequence: int


def add_file(decision: Decision, by: AbstractBaseUser, title: str, name: str, data: bytes) -> Evidence:
    """Attach a file, kept as it is and named by its SHA-256.

    Raises ``evidence_closed``, ``evidence_not_yours``, ``evidence_full``, ``title_invalid``, ``file_type``,
    ``file_too_large``.
    """
    _may_add(decision, by)
    kind, start = FILE_TYPES.get(PurePath(name).suffix.lower(), ("", b""))
    if not kind or not data or not _is_of(data, start):
        raise DomainError(
            "file_type", f"Attach one of {', '.join(sorted(FILE_TYPES))}, with the content its name says.",
            field="file",
        )  # fmt: skip
    if len(data) > MAX_FILE_BYTES:
        raise DomainError("file_too_large", "A file may have 2 MB.", field="file")
    safe = re.sub(r"[^\w.-]+", "_", PurePath(name).name)[-120:]
    with transaction.atomic():
        made = Evidence.objects.create(
            decision=decision, kind=EvidenceKind.FILE, title=_title(title or safe), by_id=by.pk,
            sha256=sha256(data).hexdigest(),
        )  # fmt: skip
        EvidenceFile.objects.create(evidence=made, name=safe, content_type=kind, size=len(data), data=data)
    return made


def add_replay(decision: Decision, by: AbstractBaseUser | None, title: str, wanted: Wanted) -> Evidence:
    """Replay a rule over the journal of a case's venue and attach what it finds; in a draft the harmed are listed anew.

    Raises as ``add_file``, ``rule_unknown``, ``params_invalid``, ``range_invalid``, ``journal_unsound``.
    """
    _may_add(decision, by)
    case = Case.objects.select_related("venue__deployer").get(pk=decision.pk)
    finding, journal_hash = run_rule(case.venue.group_id, wanted)
    with transaction.atomic():
        locked = Decision.objects.select_for_update().get(pk=decision.pk)
        made = Evidence.objects.create(
            decision=locked,
            kind=EvidenceKind.REPLAY,
            title=_title(title or RULES[wanted.rule].label),
            by_id=by.pk if by else None,
            sha256=digest(canonical(finding)),
            group_id=case.venue.group_id,
            rule=wanted.rule,
            params=dict(wanted.params),
            first_sequence=wanted.first_sequence,
            last_sequence=wanted.last_sequence,
            journal_hash=journal_hash,
            finding=finding,
        )
        if locked.state == State.DRAFT and finding["losses"]:
            list_harmed(case, finding)
    return made


def run_rule(group_id: int, wanted: Wanted) -> tuple[dict[str, Any], str]:
    """(the finding of a rule over a group's journal, the chain's hash at its end). Raises as ``add_replay``."""
    rule = RULES.get(wanted.rule)
    if rule is None:
        raise DomainError("rule_unknown", f"Rules are {', '.join(RULES)}.", field="rule")
    head = RiskGroup.objects.filter(pk=group_id).values_list("head_sequence", flat=True).first() or 0
    if not 1 <= wanted.first_sequence <= wanted.last_sequence <= head:
        raise DomainError(
            "range_invalid", f"The journal of this venue has the commands 1 to {head}.", field="last_sequence"
        )
    try:
        rule.check(wanted.params)
        with replay_of(group_id, wanted.first_sequence, wanted.last_sequence) as replay:
            finding = rule.run(replay, wanted.params)
            return finding.content(), replay.hash.hex()
    except ParamsWrong as wrong:
        raise DomainError("params_invalid", str(wrong), field="params") from wrong
    except JournalUnsound as broken:
        raise DomainError("journal_unsound", f"The journal does not hold: {broken}.") from broken


@dataclass(frozen=True)
class Recomputed:
    """A finding replayed anew beside the recorded one."""

    evidence: Evidence
    finding: dict[str, Any]
    sha256: str

    @property
    def same(self) -> bool:
        """Whether it is what was recorded, to the last figure."""
        return self.sha256 == self.evidence.sha256


def replay_evidence(evidence: Evidence) -> Recomputed:
    """Replay a finding anew. Raises ``not_a_replay`` for a file, and as ``run_rule``."""
    if evidence.kind != EvidenceKind.REPLAY or not evidence.group_id:
        raise DomainError("not_a_replay", "This evidence is a file; compare its SHA-256 instead.")
    assert evidence.first_sequence is not None and evidence.last_sequence is not None
    wanted = Wanted(evidence.rule, evidence.params, evidence.first_sequence, evidence.last_sequence)
    finding, _ = run_rule(evidence.group_id, wanted)
    return Recomputed(evidence, finding, digest(canonical(finding)))


def list_harmed(case: Case, finding: Mapping[str, Any]) -> list[Harmed]:
    """Write down who lost what, from a finding, in place of what was listed; the deployer is never among the harmed."""
    asset = Asset.objects.get(pk=finding["asset"])
    losses = {int(account): loss for account, loss in finding["losses"].items()}
    users = dict(
        TradingAccount.objects.filter(venue__group_id=case.venue.group_id, number__in=losses).values_list(
            "number", "user_id"
        )
    )
    Harmed.objects.filter(case=case).delete()
    return Harmed.objects.bulk_create(
        Harmed(
            case=case,
            account=account,
            user_id=users[account],
            asset=asset,
            loss=loss,
            owed=stake_worth(loss, asset),
        )
        for account, loss in sorted(losses.items())
        if account in users and users[account] != case.venue.deployer.user_id
    )


def _may_add(decision: Decision, by: AbstractBaseUser | None) -> None:
    decision.refresh_from_db()
    if decision.state not in PLACES:
        raise DomainError("evidence_closed", "Evidence is taken until the vote is over.")
    concerned = {decision.proposer_id, *kind_of(decision).parties(decision)}
    if by is not None and by.pk not in concerned and member_of(by.pk) is None:
        raise DomainError(
            "evidence_not_yours", "Whoever brought the case, the accused and members attach evidence."
        )
    if decision.evidence.count() >= MAX_ITEMS:
        raise DomainError("evidence_full", f"At most {MAX_ITEMS} items of evidence.")


def _title(title: str) -> str:
    words = " ".join(title.split())
    if not 3 <= len(words) <= 120:
        raise DomainError("title_invalid", "Name the evidence in 3 to 120 characters.", field="title")
    return words


def _is_of(data: bytes, start: bytes) -> bool:
    if start:
        return data.startswith(start)
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
