"""``python -m governance.rules FILE RULE PARAMS``: run a rule on a journal file, without database, broker or web.

PARAMS is one JSON object. The finding is printed with its SHA-256, as cases record them; what ``--first`` and
``--last`` are for a piece of evidence is written beside it.
"""

import argparse
import json
import sys
from pathlib import Path

from exchange_kernel.journal_file import NotAJournal, read_batches

from exchange_os.engine.chain import JournalLink
from exchange_os.engine.replaying import JournalUnsound, Replay
from governance.canonical import canonical, digest
from governance.rules import RULES, ParamsWrong


def main(arguments: list[str] | None = None) -> int:
    """Run a rule; answers the exit code: 0 found, 1 not found, 2 could not be run."""
    parser = argparse.ArgumentParser(prog="python -m governance.rules", description=__doc__)
    parser.add_argument("file", type=Path, help="a journal as downloaded from the transparency page")
    parser.add_argument("rule", choices=sorted(RULES))
    parser.add_argument("params", help="parameters of the rule, one JSON object")
    parser.add_argument("--first", type=int, default=1, help="first command that is looked at")
    parser.add_argument(
        "--last", type=int, help="last command that is looked at (default: the end of the file)"
    )
    options = parser.parse_args(arguments)
    try:
        params = json.loads(options.params)
        RULES[options.rule].check(params)
        last = options.last or _end_of(options.file)
        with options.file.open("rb") as file:
            group, batches = read_batches(file)
            links = (
                JournalLink(
                    each.first_sequence, each.last_sequence, each.epoch, each.now_ms, each.commands, each.hash
                )
                for each in batches
            )
            found = RULES[options.rule].run(Replay(group, links, options.first, last), params)
    except (OSError, NotAJournal, JournalUnsound, ParamsWrong, json.JSONDecodeError) as wrong:
        print(f"{options.file}: {wrong}", file=sys.stderr)
        return 2
    content = found.content()
    print(found.sentence)
    print(json.dumps(content, indent=2, sort_keys=True))
    print(f"SHA-256 of the finding: {digest(canonical(content))}")
    return 0 if found.found else 1


def _end_of(path: Path) -> int:
    """The last command in a journal file."""
    with path.open("rb") as file:
        return max((each.last_sequence for each in read_batches(file)[1]), default=0)


if __name__ == "__main__":
    raise SystemExit(main())
