"""What is logged is one JSON object a line, with the ids of the request and of the risk group it belongs to."""

import ast
import json
import logging
import logging.config
from pathlib import Path

import pytest
from structlog.contextvars import bound_contextvars

from exchange_os import logs

ENGINE = Path(logs.__file__).parent / "engine"


def test_a_line_has_the_ids_of_its_request_and_of_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, dict] = {}
    monkeypatch.setattr(logging.config, "dictConfig", said.update)
    monkeypatch.setattr(logs.structlog, "configure", lambda **_: None)
    logs.configure({"level": "INFO"})
    made = said["formatters"]["json"].copy()
    formatter = made.pop("()")(**made)
    record = logging.getLogger("exchange_os.engine.drain").makeRecord(
        "exchange_os.engine.drain", logging.ERROR, "drain.py", 1, "entry %s is skipped", ("7-0",), None,
        extra={"group": 12},
    )  # fmt: skip
    with bound_contextvars(request_id="abcdef0123456789"):
        line = json.loads(formatter.format(record))
    assert (line["event"], line["level"], line["group"], line["request_id"]) == (
        "entry 7-0 is skipped", "error", 12, "abcdef0123456789",
    )  # fmt: skip
    assert line["timestamp"].endswith("Z")


def test_the_engine_names_a_group_by_a_field_and_not_in_words() -> None:
    lines = [
        (path.name, call)
        for path in ENGINE.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
    ]
    assert len(lines) > 15
    worded = [
        f"{name}:{call.lineno}"
        for name, call in lines
        if "group %s" in str(getattr(call.args[0], "value", ""))
    ]
    assert worded == []
