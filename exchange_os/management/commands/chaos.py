"""``manage.py chaos``: faults against a private live stack, judged by the oracle."""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.chaos.faults import FAULTS, SMOKE
from exchange_os.chaos.run import RECOVERY_GOAL_SECONDS, child_environment, run_all
from exchange_os.demo.stack import PROJECT
from exchange_os.embedded.problems import SetupProblem

FIRST_SEED = 1


class Command(BaseCommand):
    """Run faults with seeds; one line a run, status 1 if any promise was broken."""

    help = "Inject faults into a private live stack while orders flow, and check that nothing acknowledged is lost."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=int, default=1, help="how many seeds each fault runs with")
        parser.add_argument(
            "--first-seed", type=int, default=FIRST_SEED, help="the first of them, to repeat a failure"
        )
        parser.add_argument("--faults", default="", help=f"comma-separated; default all: {', '.join(FAULTS)}")
        parser.add_argument("--smoke", action="store_true", help="the fixed set of make test")
        parser.add_argument("--json", action="store_true", help="one JSON object a run on standard output")
        parser.add_argument(
            "--inside", action="store_true", help="this process owns the stack in its environment"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        faults = (
            list(SMOKE)
            if options["smoke"]
            else [name for name in options["faults"].split(",") if name] or list(FAULTS)
        )
        unknown = sorted(set(faults) - set(FAULTS))
        if unknown or options["seeds"] < 1:
            raise CommandError(
                f"Unknown fault {', '.join(unknown)}." if unknown else "--seeds must be at least 1."
            )
        if not options["inside"]:
            again = [sys.executable, "manage.py", "chaos", "--inside", *sys.argv[2:]]
            sys.exit(subprocess.run(again, cwd=PROJECT, env=child_environment(), check=False).returncode)
        seeds = range(options["first_seed"], options["first_seed"] + options["seeds"])
        self.stderr.write(f"Starting a private stack; {len(faults)} faults with {len(seeds)} seeds ...")
        failed = runs = 0
        slowest = 0.0
        try:
            for result in run_all(faults, seeds):
                runs += 1
                failed += bool(result.problems)
                if result.fault.startswith("kill_"):
                    slowest = max(slowest, result.recovery_seconds or 0.0)
                if options["json"]:
                    self.stdout.write(json.dumps(asdict(result)))
                self.stderr.write(f"[{runs}/{len(faults) * len(seeds)}] {result.line()}")
                for problem in result.problems:
                    self.stderr.write(f"    {problem}")
                if result.problems:
                    self.stderr.write(
                        f"    repeat: manage.py chaos --faults {result.fault} --first-seed {result.seed}"
                    )
        except SetupProblem as problem:
            raise CommandError(str(problem)) from problem
        within = "within" if slowest <= RECOVERY_GOAL_SECONDS else "beyond"
        self.stderr.write(
            f"{runs - failed} of {runs} runs hold; slowest recovery after a kill {slowest:.2f} s, "
            f"{within} the goal of {RECOVERY_GOAL_SECONDS:.0f} s."
        )
        if failed or runs < len(faults) * len(seeds):
            sys.exit(1)
