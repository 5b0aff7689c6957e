"""The bill of materials of what is run, as CycloneDX JSON: ``make sbom``.

Python packages come from ``requirements.txt``, crates from ``kernel/Cargo.lock``, scripts of others from
``static/vendor``: each with its version, its address (purl) and the hashes it is installed by. What only tests of the
kernel need has the scope ``excluded``. The same files make the same bill but for its time, which ``SOURCE_DATE_EPOCH``
sets.
"""

import argparse
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
NAME = "exchange-os"
#: A package of the lock: its name with extras, its version, and the lines that follow it.
PACKAGE = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([^ ;\\]+)(.*(?:\n[ #].*)*)", re.MULTILINE)
VIA = re.compile(r"#(?: via)? +(?:via )?([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?$", re.MULTILINE)
#: Scripts of others say their version in their first lines.
VENDORED_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")

Lock = dict[str, dict[str, Any]]


def main() -> int:
    """Write the bill; to standard output without ``--output``."""
    parser = argparse.ArgumentParser(description="Bill of materials as CycloneDX JSON.")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    bom = bill()
    text = written(bom)
    if options.output is None:
        sys.stdout.write(text)
    else:
        options.output.write_text(text)
        print(f"{options.output}: {len(bom.components)} components", file=sys.stderr)
    return 0


def bill() -> Bom:
    """The bill with the graph of what needs what."""
    root = Component(name=NAME, type=ComponentType.APPLICATION, bom_ref=NAME)
    python, needs = python_packages((ROOT / "requirements.txt").read_text())
    crates, crate_needs = kernel_crates(
        tomllib.loads((ROOT / "kernel" / "Cargo.lock").read_text()),
        tomllib.loads((ROOT / "kernel" / "Cargo.toml").read_text()),
    )
    scripts = list(vendored(ROOT / "static" / "vendor"))
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    at = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    found = [*python.values(), *crates.values(), *scripts]
    inputs = "".join(sorted(f"{each.purl} {[h.content for h in each.hashes]}" for each in found))
    bom = Bom(
        components=found,
        metadata=BomMetaData(component=root, timestamp=at),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, sha256(inputs.encode()).hexdigest()),
    )
    required = {name for names in needs.values() for name in names}
    bom.register_dependency(
        root, [*(each for name, each in python.items() if name not in required), *crates.values(), *scripts]
    )
    for component, names, among in (
        *((python[name], names, python) for name, names in needs.items()),
        *((crates[name], names, crates) for name, names in crate_needs.items()),
    ):
        bom.register_dependency(component, [among[name] for name in sorted(names) if name in among])
    return bom


def python_packages(lock: str) -> tuple[dict[str, Component], dict[str, set[str]]]:
    """Packages of a lock by name, and what each needs, as its comments say."""
    found: dict[str, Component] = {}
    needs: dict[str, set[str]] = {}
    for name, version, rest in PACKAGE.findall(lock):
        hashes = [
            HashType(alg=HashAlgorithm.SHA_256, content=each)
            for each in re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)
        ]
        found[name] = library("pypi", name, version, hashes)
        for by in VIA.findall(rest):
            needs.setdefault(by, set()).add(name)
    return found, {name: names for name, names in needs.items() if name in found}


def kernel_crates(lock: Lock, manifest: Lock) -> tuple[dict[str, Component], dict[str, set[str]]]:
    """Crates of the kernel by ``name version``, and what each needs; those that only tests need are excluded."""
    rows: list[dict[str, Any]] = lock["package"]  # type: ignore[assignment]
    by_name: dict[str, list[str]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(f"{row['name']} {row['version']}")
    needs = {
        f"{row['name']} {row['version']}": {
            full for said in row.get("dependencies", []) for full in by_name[said.split()[0]] if full.startswith(said)
        }
        for row in rows
    }  # fmt: skip
    running, waiting = set(), [full for name in manifest["dependencies"] for full in by_name[name]]
    while waiting:
        if (full := waiting.pop()) not in running:
            running.add(full)
            waiting += needs[full]
    found = {}
    for row in rows:
        if "checksum" not in row:
            continue  # the kernel itself
        full = f"{row['name']} {row['version']}"
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=row["checksum"])]
        scope = ComponentScope.REQUIRED if full in running else ComponentScope.EXCLUDED
        found[full] = library("cargo", row["name"], row["version"], hashes, scope)
    return found, {full: names for full, names in needs.items() if full in found}


def vendored(folder: Path) -> Iterator[Component]:
    """Scripts of others that lie in the project, by the hash of the file."""
    for file in sorted(folder.glob("*.mjs")):
        version = VENDORED_VERSION.search(file.read_text()[:400])
        if version is None:
            raise SystemExit(f"{file.name} does not say its version in its first lines.")
        digest = HashType(alg=HashAlgorithm.SHA_256, content=sha256(file.read_bytes()).hexdigest())
        yield library("npm", file.stem, version[1], [digest])


def library(
    kind: str,
    name: str,
    version: str,
    hashes: list[HashType],
    scope: ComponentScope = ComponentScope.REQUIRED,
) -> Component:
    """One component, named by its address."""
    address = PackageURL(kind, None, name, version)
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=address.to_string(), purl=address,
        hashes=hashes, scope=scope,
    )  # fmt: skip


def written(bom: Bom) -> str:
    """The bill as CycloneDX 1.6 JSON."""
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
