"""Runs every benchmark and says which goals hold: ``make bench``, or ``make bench NAME=api`` for one group.

Each source is a program that prints one JSON object a line, ``{"name", "value", "unit", "p50", "p99", "samples",
"note"}``, starts and stops the throw-away servers it needs, and defines its workload, with its fixed seed, in its
docstring. This program runs them one after the other, since they share two cores with what they measure. If a
source prints a name several times, the line with the median value is kept. Lines go to standard output, progress
and the verdict to standard error; the exit status is 1 only if a source failed, never because a goal was missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parent.parent
BUDGET_SECONDS = 600
FIELDS = ("name", "value", "unit", "p50", "p99", "samples", "note")


@dataclass(frozen=True, slots=True)
class Source:
    """A program that measures: the name prefixes it answers for, how it is started and its share of the time.

    It finds the wanted prefix in ``BENCH_NAME``; with ``argument`` it gets it as an argument too, or its own prefix
    if that is narrower.
    """

    title: str
    prefixes: tuple[str, ...]
    command: tuple[str, ...]
    seconds: int
    argument: bool = False

    def started_for(self, wanted: str) -> list[str]:
        """The argument list for a wanted prefix."""
        narrower = wanted if wanted.startswith(self.prefixes[0]) else self.prefixes[0]
        return [*self.command, "--", narrower] if self.argument else list(self.command)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure must reach: ``field`` of the line called ``name``, at least or at most ``bound``."""

    name: str
    field: str
    at_least: bool
    bound: float

    def holds(self, line: dict[str, Any]) -> bool | None:
        """Whether the goal holds; ``None`` if the line lacks the figure."""
        figure = line.get(self.field)
        if not isinstance(figure, int | float):
            return None
        return figure >= self.bound if self.at_least else figure <= self.bound

    def sentence(self, line: dict[str, Any]) -> str:
        """The goal and the figure, for people."""
        relation = ">=" if self.at_least else "<="
        field = "" if self.field == "value" else f" {self.field}"
        return f"{self.name}{field} {_short(line.get(self.field))} (goal {relation} {_short(self.bound)})"


_KERNEL = (
    "cargo",
    "run",
    "--quiet",
    "--release",
    "--manifest-path",
    "kernel/Cargo.toml",
    "--example",
    "bench",
)
SOURCES = (
    Source("kernel", ("kernel",), _KERNEL, 150, argument=True),
    Source("mark", ("mark",), _KERNEL, 60, argument=True),
    Source(
        "pipeline", ("pipeline", "recovery", "venues"), (sys.executable, "-m", "benchmarks.pipeline"), 240
    ),
    Source("verify", ("verify", "liabilities"), (sys.executable, "-m", "benchmarks.verify"), 120),
    Source("audit", ("audit",), (sys.executable, "-m", "benchmarks.audit"), 180),
    Source("change", ("change",), (sys.executable, "-m", "benchmarks.change"), 120),
    Source("api", ("api", "feed"), (sys.executable, "-m", "benchmarks.api"), 210),
    Source("pages", ("pages",), (sys.executable, "-m", "benchmarks.pages"), 240),
    Source("launch", ("launch",), (sys.executable, "-m", "benchmarks.launch"), 60),
    Source("dashboard", ("dashboard",), (sys.executable, "-m", "benchmarks.dashboard"), 120),
)

GOALS = (
    Goal("kernel.book", "value", True, 20_000_000),
    Goal("kernel.spot_mix", "value", True, 7_000_000),
    Goal("kernel.perp_mix", "value", True, 4_000_000),
    Goal("kernel.outcome_mix", "value", True, 4_000_000),
    Goal("kernel.many.1000", "value", True, 3_000_000),
    Goal("kernel.latency", "value", False, 20_000),
    Goal("kernel.liquidate", "value", False, 1_000),
    Goal("kernel.liquidate", "p99", False, 10),
    Goal("mark.update.10000", "value", False, 1_000),
    Goal("mark.update.1000000", "value", False, 100_000),
    Goal("pipeline.durable", "value", True, 500_000),
    Goal("pipeline.mixed", "value", True, 400_000),
    Goal("pipeline.steady", "p99", False, 15),
    Goal("pipeline.latency", "p50", False, 2),
    Goal("pipeline.latency", "p99", False, 8),
    Goal("api.bulk", "value", True, 100_000),
    Goal("api.order.rest", "p50", False, 6),
    Goal("api.order.rest", "p99", False, 20),
    Goal("api.order.ws", "p50", False, 4),
    Goal("api.order.ws", "p99", False, 15),
    Goal("feed.fanout", "p99", False, 100),
    Goal("feed.sockets", "value", True, 2_000),
    Goal("feed.sockets", "p99", False, 100),
    Goal("pages.server", "value", False, 100),
    Goal("pages.first_load", "value", False, 200),
    Goal("pages.later", "value", False, 60),
    Goal("pages.paint", "value", False, 1_500),
    Goal("pages.shift", "value", False, 0.02),
    Goal("pages.frames", "value", True, 50),
    Goal("recovery.replay", "value", True, 3_000_000),
    Goal("recovery.cold", "value", False, 2),
    Goal("recovery.failover", "value", False, 3),
    Goal("venues.idle", "value", False, 50),
    Goal("verify.journal", "value", False, 10),
    Goal("liabilities.tree", "value", False, 60),
    Goal("audit.search", "value", False, 200),
    Goal("change.simulate", "value", False, 5),
    Goal("change.fees", "value", False, 5),
    Goal("launch.venue", "value", False, 2),
    Goal("launch.worldcup", "value", False, 15),
    Goal("dashboard.engine", "value", False, 1),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sources whose names begin with NAME; print lines and the verdict; 1 if a source failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="Run the benchmarks.")
    parser.add_argument(
        "name", nargs="?", default="", help="only figures whose name begins so, such as 'api'"
    )
    wanted = parser.parse_args(arguments).name
    sources = [source for source in SOURCES if _answers(source, wanted)]
    if not sources:
        known = ", ".join(prefix for source in SOURCES for prefix in source.prefixes)
        _say(f"No benchmark begins with '{wanted}'. Groups: {known}.")
        return 2
    deadline = time.monotonic() + BUDGET_SECONDS
    lines: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    for number, source in enumerate(sources, start=1):
        _say(f"[{number}/{len(sources)}] {source.title} (at most {source.seconds} s)")
        seconds = min(source.seconds, deadline - time.monotonic())
        measured, error = run_source(source, wanted, seconds)
        if error:
            failed.append(f"{source.title}: {error}")
            _say(f"  {source.title}: {error}")
        for line in measured:
            lines[line["name"]] = line
            print(json.dumps(line), flush=True)
    _say(verdict(lines.values(), wanted, failed))
    return 1 if failed else 0


def _answers(source: Source, wanted: str) -> bool:
    """Whether a source may print a name that begins with ``wanted``."""
    return not wanted or any(
        prefix.startswith(wanted) or wanted == prefix or wanted.startswith(prefix + ".")
        for prefix in source.prefixes
    )


def run_source(source: Source, wanted: str, seconds: float) -> tuple[list[dict[str, Any]], str]:
    """Run one source for at most ``seconds``; its lines, medians taken, and a sentence if it failed."""
    environment = {**os.environ, "BENCH_NAME": wanted, "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            source.started_for(wanted),
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except FileNotFoundError:
        return [], f"'{source.command[0]}' is not installed"
    lines: list[dict[str, Any]] = []
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=(process.stdout, wanted, lines.append))
    reader.start()
    try:
        status = process.wait(timeout=max(1.0, seconds))
        error = f"ended with status {status}" if status else ""
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        error = f"stopped after {time.monotonic() - started:.0f} s, its share of the time"
    reader.join(timeout=5)
    return medians(lines), error


def _collect(stream: IO[str], wanted: str, keep: Callable[[dict[str, Any]], None]) -> None:
    """Read a source's output; what is no figure goes on to standard error."""
    for text in stream:
        line = parse_line(text)
        if line is None:
            _say(f"  {text.rstrip()}")
        elif line["name"].startswith(wanted):
            _say(f"  {line['name']}: {_short(line['value'])} {line['unit']}")
            keep(line)


def parse_line(text: str) -> dict[str, Any] | None:
    """The figure in a line of output with exactly the documented fields, or ``None``."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or not isinstance(line.get("name"), str) or "value" not in line:
        return None
    return {field: line.get(field) for field in FIELDS}


def medians(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a name: the one whose value is the (lower) median of its repetitions."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_name.setdefault(line["name"], []).append(line)
    result = []
    for repeated in by_name.values():
        middle = statistics.median_low(line["value"] for line in repeated)
        chosen = dict(next(line for line in repeated if line["value"] == middle))
        if len(repeated) > 1:
            chosen["note"] = f"{chosen['note'] or ''} median of {len(repeated)} runs".strip()
        result.append(chosen)
    return result


def verdict(lines: Iterable[dict[str, Any]], wanted: str, failed: Sequence[str]) -> str:
    """One sentence for people: which goals hold, which are missed, which were not measured."""
    by_name = {line["name"]: line for line in lines}
    held, missed, unmeasured = [], [], []
    for goal in GOALS:
        if not goal.name.startswith(wanted):
            continue
        line = by_name.get(goal.name)
        answer = goal.holds(line) if line else None
        if line is None or answer is None:
            unmeasured.append(f"{goal.name} {goal.field}" if goal.field != "value" else goal.name)
        else:
            (held if answer else missed).append(goal.sentence(line))
    parts = [f"Goals: {len(held)} of {len(held) + len(missed)} measured hold."]
    if missed:
        parts.append(f"Missed: {'; '.join(missed)}.")
    if unmeasured:
        parts.append(f"Not measured: {', '.join(unmeasured)}.")
    if failed:
        parts.append(f"Failed: {'; '.join(failed)}.")
    return " ".join(parts)


def _short(figure: Any) -> str:
    """A number for people: thousands separated, small ones with two decimals."""
    if not isinstance(figure, int | float):
        return str(figure)
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:,.3g}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
