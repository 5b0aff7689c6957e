"""Rules that evidence is replayed by: pure functions of a journal, which anyone can run on a copy of it.

They know no database and no setting: ``python -m governance.rules FILE RULE PARAMS`` runs one on a journal file.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from governance.rules import deadline, downtime, oracle, self_dealing, settlement, silence, stale, unanswered
from governance.rules.finding import Finding, ParamsWrong, Rule

RULES: dict[str, Rule] = {
    module.RULE.name: module.RULE
    for module in (settlement, oracle, self_dealing, downtime, silence, unanswered, deadline, stale)
}


def command_of(group: int, rule: str, params: Mapping[str, Any], first: int, last: int) -> str:
    """The command that runs a rule on the downloaded journal of a group, to type as it is."""
    told = shlex.quote(json.dumps(dict(params), sort_keys=True))
    return f"python -m governance.rules group-{group}.journal {rule} {told} --first {first} --last {last}"


__all__ = ["RULES", "Finding", "ParamsWrong", "Rule", "command_of"]
