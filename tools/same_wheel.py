"""Whether the kernel's wheel is the same however often and wherever it is built: ``make same-wheel``.

Builds it twice, from copies of the sources in folders of different names, each from nothing, with the flags of
``deploy/Dockerfile``, and compares the files. Says which parts of the wheel differ if any do.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Of the files in the wheel: the first moment that a zip can say.
EPOCH = "315532800"
COPIED = (
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "src",
    "python",
    "examples",
    "benches",
    "tests",
    "README.md",
)


def main() -> int:
    """Build and compare; 0 if both wheels are equal bit for bit."""
    with tempfile.TemporaryDirectory(prefix="same-wheel-") as folder:
        wheels = [build(Path(folder) / name) for name in ("first", "another-and-longer-name")]
        digests = [sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
        for wheel, digest in zip(wheels, digests, strict=True):
            print(f"{digest}  {wheel.parent.parent.name}/{wheel.name}")
        if digests[0] == digests[1]:
            print("The wheels are equal bit for bit.")
            return 0
        print(f"The wheels differ in {', '.join(differences(*wheels))}.", file=sys.stderr)
        return 1


def build(folder: Path) -> Path:
    """A wheel built from a copy of the sources in this folder."""
    sources = folder / "kernel"
    sources.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / "kernel" / name).is_dir():
            shutil.copytree(ROOT / "kernel" / name, sources / name)
        elif (ROOT / "kernel" / name).exists():
            shutil.copy(ROOT / "kernel" / name, sources / name)
    command = [
        sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet", "--manifest-path",
        str(sources / "Cargo.toml"), "--out", str(folder / "wheels"),
    ]  # fmt: skip
    environment = {
        **os.environ, "SOURCE_DATE_EPOCH": EPOCH, "RUSTFLAGS": flags(folder),
        "CARGO_TARGET_DIR": str(folder / "target"),
    }  # fmt: skip
    subprocess.run(command, check=True, env=environment)
    return next((folder / "wheels").glob("*.whl"))


def flags(folder: Path) -> str:
    """What keeps the places of sources and crates out of the library."""
    home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    return f"--remap-path-prefix={folder}=/build --remap-path-prefix={home}=/cargo"


def differences(one: Path, other: Path) -> list[str]:
    """Names of the members of two wheels that are not equal."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        names = sorted({*first.namelist(), *second.namelist()})
        held = {*first.namelist()} & {*second.namelist()}
        return [name for name in names if name not in held or first.read(name) != second.read(name)] or [
            "how they are packed"
        ]


if __name__ == "__main__":
    sys.exit(main())
