"""The stub of the kernel's native module says what is there: names, values, parameters and their defaults."""

import ast
import inspect
from pathlib import Path
from typing import Any

import exchange_kernel as xk

STUB = Path(xk.__file__).with_name("__init__.pyi")


def test_lists_are_closed_and_complete() -> None:
    assert xk.REJECTS[0] == ("OK", "")
    assert set(xk.OKX_CODES) == set(xk.REJECTS)
    assert xk.OKX_CODES[0][0] == "0"
    assert all(sentence.endswith(".") for code, (_, sentence) in xk.REJECTS.items() if code)
    assert set(xk.PHASES) == set(xk.PHASE_MOVES) == set(range(7))
    assert all(move in xk.PHASES for moves in xk.PHASE_MOVES.values() for move in moves)


def declared() -> ast.Module:
    return ast.parse(STUB.read_text())


def test_the_module_has_what_the_stub_declares_and_nothing_else() -> None:
    names = set()
    for node in declared().body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    public = {
        name for name in dir(xk) if not name.startswith("_") and not inspect.ismodule(getattr(xk, name))
    }
    assert names - {"__version__"} <= public
    assert public - names <= {"NamedTuple", "unpack_acks"}


def test_constants_have_the_values_of_the_stub() -> None:
    for node in declared().body:
        if isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            assert getattr(xk, node.target.id) == ast.literal_eval(node.value), node.target.id


def same_signature(node: ast.FunctionDef, function: Any, skip_self: bool) -> None:
    """Names, kinds and (where the runtime shows them) defaults of the parameters."""
    runtime = [
        p for p in inspect.signature(function).parameters.values() if not (skip_self and p.name == "self")
    ]
    positional = [a.arg for a in node.args.args if not (skip_self and a.arg == "self")]
    keyword = [a.arg for a in node.args.kwonlyargs]
    assert [p.name for p in runtime] == positional + keyword, node.name
    kinds = [p.kind is inspect.Parameter.KEYWORD_ONLY for p in runtime]
    assert kinds == [False] * len(positional) + [True] * len(keyword), node.name
    missing: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
    defaults = missing + list(node.args.defaults) + list(node.args.kw_defaults)
    for parameter, default in zip(runtime, defaults, strict=True):
        assert (parameter.default is inspect.Parameter.empty) == (default is None), (
            f"{node.name}: {parameter.name}"
        )
        if default is not None and parameter.default is not ...:
            assert parameter.default == ast.literal_eval(default), f"{node.name}: {parameter.name}"


def test_signatures_are_those_of_the_stub() -> None:
    for node in declared().body:
        if isinstance(node, ast.FunctionDef):
            same_signature(node, getattr(xk, node.name), skip_self=False)
        elif isinstance(node, ast.ClassDef) and node.name in {
            "Kernel",
            "Instruments",
            "Applied",
            "BulkCommands",
        }:
            owner = getattr(xk, node.name)
            for member in node.body:
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    assert hasattr(owner, member.target.id), f"{node.name}.{member.target.id}"
                elif isinstance(member, ast.FunctionDef) and member.name != "__init__":
                    found = getattr(owner, member.name)
                    if callable(found) and member.name != "__len__":
                        same_signature(member, found, skip_self=True)
