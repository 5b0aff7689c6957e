"""The benchmark runner: which sources answer a name, medians, and the verdict on the goals."""

import json
import sys

import pytest

from benchmarks.run import GOALS, SOURCES, Source, _answers, main, medians, parse_line, run_source, verdict


def _line(name: str, value: float, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "value": value,
        "unit": "commands/s",
        "p50": None,
        "p99": None,
        "samples": 1,
        "note": "",
        **more,
    }


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ("", [source.title for source in SOURCES]),
        ("launch.venue", ["launch"]),
        ("kernel.book", ["kernel"]),
        ("api", ["api"]),
        ("feed.fanout", ["api"]),
        ("recovery", ["pipeline"]),
        ("pages.server", ["pages"]),
        ("p", ["pipeline", "pages"]),
        ("nothing", []),
    ],
)
def test_a_name_chooses_its_sources(wanted: str, titles: list[str]) -> None:
    assert [source.title for source in SOURCES if _answers(source, wanted)] == titles


def test_the_kernel_is_asked_for_its_own_figures_only() -> None:
    kernel = SOURCES[0]
    assert kernel.started_for("")[-2:] == ["--", "kernel"]
    assert kernel.started_for("k")[-1] == "kernel"
    assert kernel.started_for("kernel.book")[-1] == "kernel.book"
    assert SOURCES[1].started_for("")[-2:] == ["--", "mark"]
    assert SOURCES[2].started_for("pipeline") == list(SOURCES[2].command)


def test_every_goal_belongs_to_a_source() -> None:
    assert all(any(_answers(source, goal.name) for source in SOURCES) for goal in GOALS)


def test_the_median_of_repeated_lines_is_kept() -> None:
    kept = medians([_line("api.bulk", value) for value in (5, 1, 9, 7, 3)])
    assert [(line["name"], line["value"], line["note"]) for line in kept] == [
        ("api.bulk", 5, "median of 5 runs")
    ]


def test_only_figures_are_figures() -> None:
    assert parse_line("warming up") is None
    assert parse_line('["name"]') is None
    assert parse_line('{"name": 1, "value": 2}') is None
    assert parse_line(json.dumps({"name": "a.b", "value": 2, "extra": 1})) == {
        "name": "a.b",
        "value": 2,
        "unit": None,
        "p50": None,
        "p99": None,
        "samples": None,
        "note": None,
    }


def test_the_verdict_names_what_is_missed_and_what_was_not_measured() -> None:
    text = verdict([_line("api.bulk", 90_000), _line("api.order.rest", 1, p50=5.0, p99=30.0)], "api", [])
    assert text == (
        "Goals: 1 of 3 measured hold. Missed: api.bulk 90,000 (goal >= 100,000); "
        "api.order.rest p99 30 (goal <= 20). Not measured: api.order.ws p50, api.order.ws p99."
    )


def test_a_source_that_fails_or_hangs_is_named_and_its_lines_are_kept() -> None:
    printing = f"print({json.dumps(_line('x.y', 1))!r}, flush=True)"
    failing = Source("x", ("x",), (sys.executable, "-c", f"{printing}; raise SystemExit(3)"), 10)
    assert [line["name"] for line in run_source(failing, "", 10)[0]] == ["x.y"]
    assert run_source(failing, "", 10)[1] == "ended with status 3"
    hanging = Source("x", ("x",), (sys.executable, "-c", f"{printing}; import signal; signal.pause()"), 1)
    lines, error = run_source(hanging, "", 1)
    assert [line["name"] for line in lines] == ["x.y"]
    assert error.startswith("stopped after")
    assert "not installed" in run_source(Source("x", ("x",), ("no-such-program",), 1), "", 1)[1]


def test_an_unknown_name_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "No benchmark begins with 'nothing'" in capsys.readouterr().err
