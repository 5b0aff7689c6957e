"""Rules that evidence is replayed by: pure functions of a journal, which anyone can run on a copy of it.

They know no database and no setting: ``python -m governance.rules FILE RULE PARAMS`` runs one on a journal file.
"""

from governance.rules import deadline, downtime, oracle, self_dealing, settlement, silence, stale, unanswered
from governance.rules.finding import Finding, ParamsWrong, Rule

RULES: dict[str, Rule] = {
    module.RULE.name: module.RULE
    for module in (settlement, oracle, self_dealing, downtime, silence, unanswered, deadline, stale)
}

__all__ = ["RULES", "Finding", "ParamsWrong", "Rule"]
