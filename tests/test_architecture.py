"""The shape of the house as a test: who imports whom, one doorway to the kernel, sizes of files and functions.

kernel  <-  exchange_os: ledger  <-  engine  <-  oracles  <-  venues  <-  trading  <-  governance  <-  wiring
inside an app:  models  <-  selectors  <-  services  <-  doors
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("exchange_os", "venues", "trading", "governance")

# Lower imports nothing higher. What is listed first matches first; the rest of exchange_os is wiring.
LEVELS = (
    ("exchange_kernel", 0),
    ("exchange_os.errors", 0),
    ("exchange_os.embedded", 0),
    ("exchange_os.parameters", 0),
    ("exchange_os.ui", 1),
    ("exchange_os.ledger", 1),
    ("exchange_os.sealing", 1),
    ("exchange_os.identity", 2),
    ("exchange_os.engine", 2),
    ("exchange_os.oracles", 3),
    ("venues", 4),
    ("trading", 5),
    ("governance", 6),
    ("exchange_os", 7),
)
SIDES_BY_SIDE = ({"exchange_os.ui", "exchange_os.ledger"},)

PARTS = {"models": 0, "selectors": 1, "services": 2}
DOORS = {"views", "pages", "api", "okx", "consumers", "sockets", "tasks", "admin", "forms", "management"}
TABLES_OF_DOORS = {"urls", "routing", "apps"}

PYTHON_FILE_LINES = 450
RUST_FILE_LINES = 650
FUNCTION_LINES = 75


@dataclass(frozen=True)
class Module:
    """A module of ours: its dotted name, its file and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    def imports(self) -> Iterator[tuple[str, int]]:
        """The dotted names it imports, each with the line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno}: imports are written in full"
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno


@cache
def modules(*packages: str) -> tuple[Module, ...]:
    """The modules of the packages, migrations left out."""
    found = []
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                found.append(Module(name, path, ast.parse(path.read_text(), str(path))))
    return tuple(found)


def is_within(name: str, package: str) -> bool:
    """Whether a dotted name is the package or lies in it."""
    return name == package or name.startswith(package + ".")


def level_of(name: str) -> tuple[str, int] | None:
    """The layer a dotted name belongs to and its height; None if it is not ours."""
    return next(((package, height) for package, height in LEVELS if is_within(name, package)), None)


def part_of(name: str) -> tuple[str, str] | None:
    """The app and the part (models, selectors, services, a door) of a dotted name; None if it has none."""
    layer = level_of(name)
    if layer is None:
        return None
    rest = name.removeprefix(layer[0]).strip(".").split(".")
    return (layer[0], rest[0]) if rest[0] in PARTS or rest[0] in DOORS or rest[0] in TABLES_OF_DOORS else None


def test_imports_go_one_way_between_the_layers() -> None:
    wrong = []
    for module in modules():
        own = level_of(module.name)
        assert own is not None
        for imported, line in module.imports():
            other = level_of(imported)
            if other is None or other[0] == own[0]:
                continue
            if other[1] > own[1] or {own[0], other[0]} in SIDES_BY_SIDE:
                wrong.append(f"{module.path.relative_to(ROOT)}:{line}: {own[0]} imports {imported}")
    assert wrong == []


def test_inside_an_app_services_stand_on_selectors_and_doors_on_services() -> None:
    wrong = []
    for module in modules():
        own = part_of(module.name)
        if own is None:
            continue
        for imported, line in module.imports():
            other = part_of(imported)
            if other is None or other[0] != own[0] or other[1] == own[1] or own[1] in TABLES_OF_DOORS:
                continue
            if PARTS.get(other[1], len(PARTS)) > PARTS.get(own[1], len(PARTS)):
                wrong.append(f"{module.path.relative_to(ROOT)}:{line}: {own[1]} imports {imported}")
            elif own[1] in DOORS and other[1] in DOORS:
                wrong.append(f"{module.path.relative_to(ROOT)}:{line}: the door {own[1]} imports {imported}")
    assert wrong == []


def test_only_the_engine_makes_kernels() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line}"
        for module in modules()
        if not is_within(module.name, "exchange_os.engine")
        for line in lines_that_name_the_kernel(module)
    ]
    assert wrong == []


def lines_that_name_the_kernel(module: Module) -> Iterator[int]:
    """Lines with ``from exchange_kernel import Kernel`` (or ``*``) or with ``exchange_kernel.Kernel``."""
    yield from (
        line
        for imported, line in module.imports()
        if imported in ("exchange_kernel.Kernel", "exchange_kernel.*")
    )
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "Kernel"
            and ast.unparse(node.value) == "exchange_kernel"
        ):
            yield node.lineno


def test_embedded_servers_know_nothing_of_django() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line}: {imported}"
        for module in modules("exchange_os")
        if is_within(module.name, "exchange_os.embedded")
        for imported, line in module.imports()
        if is_within(imported, "django") or is_within(imported, "celery")
    ]
    assert wrong == []


def test_no_imports_inside_functions() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{statement.lineno}"
        for module in modules(*PACKAGES, "tests", "benchmarks")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
        if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


def test_functions_are_short() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{function.lineno}: {function.name} has {length} lines"
        for module in modules(*PACKAGES, "benchmarks")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES
    ]
    assert wrong == []


def test_files_are_short() -> None:
    python = [
        (path, PYTHON_FILE_LINES)
        for module in modules(*PACKAGES, "tests", "benchmarks")
        for path in [module.path]
    ]
    rust = [(path, RUST_FILE_LINES) for path in sorted((ROOT / "kernel" / "src").rglob("*.rs"))]
    wrong = [
        f"{path.relative_to(ROOT)} has {length} lines"
        for path, most in python + rust
        if (length := len(path.read_text().splitlines())) > most
    ]
    assert wrong == []


def test_every_public_function_of_services_and_selectors_has_a_docstring() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for module in modules()
        if (part := part_of(module.name)) is not None and part[1] in ("services", "selectors")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert wrong == []


def test_the_kernel_has_no_clock_no_randomness_and_no_floats() -> None:
    forbidden = re.compile(
        r"\b(SystemTime|Instant::now|thread_rng|rand::|f32|f64|HashMap::new|HashSet::new)\b"
    )
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "kernel" / "src").rglob("*.rs"))
        if path.name != "python.rs" and "python" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line.split("//", 1)[0])
    ]
    assert wrong == []
