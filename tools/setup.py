#!/usr/bin/env python3
"""Makes the project's environment: virtual environment, pinned packages, kernel.

Runs on the bare Python of a machine, so it uses the standard library only. Each step is done once: its inputs are
hashed, and a step whose hash is noted in ``.venv/exchange-os.json`` is skipped. Every failure is one sentence with
the remedy; what the tools said is in ``.venv/setup.log``.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTES = VENV / "exchange-os.json"
OLD_CLIENT = ROOT / "tests" / "clients" / "ccxt-old.txt"
LOG = VENV / "setup.log"
OLDEST, NEWEST = (3, 11), (3, 13)
ROOM_NEEDED_MB = 2000
STEP_SECONDS = 1800

# What a tool says when it fails, and the sentence for it. The first that is found counts.
REMEDIES = (
    (
        r"No space left on device|Disk quota exceeded",
        "The disk is full; make about 2 GB of room and run the command again.",
    ),
    (
        r"linker `\S+` not found|error: linker|cannot find crt1|unable to execute '(cc|gcc)'",
        "There is no C linker, which Rust needs; install one (Debian: apt install build-essential, macOS: xcode-select --install).",  # noqa: E501
    ),
    (
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "A package does not match its hash in the requirements; empty pip's cache (pip cache purge), and if it stays so do not trust the package index.",  # noqa: E501
    ),
    (
        r"NewConnectionError|ConnectTimeout|Temporary failure in name resolution|spurious network error|Could not resolve host",  # noqa: E501
        "The package index cannot be reached; check the network (or the proxy and index settings of pip and cargo) and run the command again.",  # noqa: E501
    ),
    (
        r"Could not find a version that satisfies|No matching distribution",
        "A pinned package is not offered for this machine or Python; use Python 3.11 on Linux or macOS, x86-64 or ARM64.",  # noqa: E501
    ),
    (
        r"ensurepip is not available|No module named '?(venv|ensurepip)",
        "Python cannot make virtual environments; install its venv module (Debian: apt install python3-venv).",
    ),
    (
        r"Permission denied",
        "A file of this folder may not be written by this user; give yourself the folder (chown) and run the command again.",  # noqa: E501
    ),
)


class Problem(Exception):
    """Something the person at the terminal must put right; the text says what and how."""


def main():
    """Do what is not yet done; exit code 1 and one sentence if that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what checks and tests need")
    arguments = parser.parse_args()
    try:
        check_python()
        set_up(arguments.dev)
    except Problem as problem:
        print("\n" + str(problem), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command carries on from here.", file=sys.stderr)
        return 130
    return 0


def set_up(dev):
    """The steps, each only if its inputs have changed since it was last done."""
    requirements = ROOT / ("requirements-dev.txt" if dev else "requirements.txt")
    notes = read_notes()
    if not environment_works(installed="packages" in notes):
        notes = make_environment()
    wanted = (
        digest_of([ROOT / "requirements.txt"])
        if not dev
        else digest_of([ROOT / "requirements.txt", requirements])
    )
    if notes.get("packages") != wanted and not (not dev and notes.get("runtime") == wanted):
        run_step(
            "Python packages, pinned by hash",
            [str(PYTHON), "-m", "pip", "install", "--require-hashes", "-r", str(requirements)],
        )
        notes.update(packages=wanted, runtime=digest_of([ROOT / "requirements.txt"]))
        write_notes(notes)
    old = digest_of([OLD_CLIENT])
    if dev and notes.get("old client") != old:
        install_old_client()
        notes["old client"] = old
        write_notes(notes)
    kernel = digest_of(kernel_sources())
    if notes.get("kernel") != kernel or not finds("exchange_kernel"):
        build_kernel()
        notes["kernel"] = kernel
        write_notes(notes)


def check_python():
    """Refuse a Python for which there are no pinned packages."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Problem(
            "This is Python %d.%d and Exchange OS needs 3.11, 3.12 or 3.13; install one of them, or name it: make PYTHON=/path/to/python3.11 ..."  # noqa: E501
            % sys.version_info[:2]
        )
    free_mb = shutil.disk_usage(str(ROOT)).free // 1_000_000
    if free_mb < 200 or (not VENV.exists() and free_mb < ROOM_NEEDED_MB):
        raise Problem(
            "There are %d MB free on the disk of %s and about %d MB are needed; make room."
            % (free_mb, ROOT, ROOM_NEEDED_MB)
        )


def environment_works(installed):
    """Whether the environment's own Python starts, and finds what was ``installed`` into it."""
    return PYTHON.exists() and finds("pip, django, psycopg, redis" if installed else "pip")


def finds(modules):
    """Whether the environment's Python can import the modules."""
    return subprocess.run([str(PYTHON), "-c", "import " + modules], capture_output=True).returncode == 0


def make_environment():
    """Make the virtual environment anew; a half-installed one is taken away first."""
    if VENV.exists():
        print("The environment in .venv is half installed or was moved; it is made anew.")
        shutil.rmtree(str(VENV))
    VENV.mkdir(parents=True)
    run_step("Virtual environment", [sys.executable, "-m", "venv", str(VENV)])
    return {}


def install_old_client():
    """Put the old version of a client beside the environment's own, where only the test that runs it looks."""
    folder = VENV / "old-client"
    shutil.rmtree(str(folder), ignore_errors=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--no-deps", "--no-compile", "--require-hashes"]
    run_step("An old client, for tests", [*pip, "--target", str(folder), "-r", str(OLD_CLIENT)])


def build_kernel():
    """Build the Rust kernel in release mode into the environment."""
    check_rust()
    command = [
        str(PYTHON),
        "-m",
        "maturin",
        "develop",
        "--release",
        "--manifest-path",
        str(ROOT / "kernel" / "Cargo.toml"),
    ]
    if (ROOT / "kernel" / "Cargo.lock").exists():
        command.append("--locked")
    run_step("Kernel (Rust, release build; a few minutes the first time)", command)


def check_rust():
    """Refuse to build without a Rust that is new enough and a C linker."""
    cargo = shutil.which("cargo")
    install = "install Rust from https://rustup.rs (or your system's packages) and open a new terminal"
    if cargo is None:
        raise Problem(
            "There is no Rust on this machine (cargo is not in PATH), which the kernel is built with; %s."
            % install
        )
    answer = subprocess.run(["rustc", "--version"], capture_output=True, text=True)
    found = re.search(r"rustc (\d+)\.(\d+)", answer.stdout)
    if found is None:
        raise Problem("Rust is half installed (rustc does not answer); %s." % install)
    oldest = oldest_rust()
    if (int(found.group(1)), int(found.group(2))) < oldest:
        raise Problem(
            "This is Rust %s.%s and the kernel needs %d.%d or newer; run rustup update."
            % (*found.groups(), *oldest)
        )
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        raise Problem(
            "There is no C compiler, which Rust links with; install one (Debian: apt install build-essential, macOS: xcode-select --install)."  # noqa: E501
        )


def oldest_rust():
    """The oldest Rust that the kernel's manifest allows, as (major, minor)."""
    found = re.search(
        r'^rust-version = "(\d+)\.(\d+)', (ROOT / "kernel" / "Cargo.toml").read_text(), re.MULTILINE
    )
    return (int(found.group(1)), int(found.group(2))) if found else (1, 80)


def run_step(title, command):
    """Run one tool with its output in the log, showing how long it takes; raises Problem with the remedy."""
    started = time.monotonic()
    moving = sys.stdout.isatty()
    print("  %s ..." % title, end="" if moving else "\n", flush=True)
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV), PIP_DISABLE_PIP_VERSION_CHECK="1")
    environment.pop("PYTHONHOME", None)
    with LOG.open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            command, cwd=str(ROOT), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
        )
        while True:
            try:
                code = process.wait(1.0)
                break
            except subprocess.TimeoutExpired:
                if moving:
                    print("\r  %s ... %d s" % (title, time.monotonic() - started), end="", flush=True)
                if time.monotonic() - started > STEP_SECONDS:
                    process.kill()
                    raise Problem(
                        "%s took longer than %d minutes; see %s." % (title, STEP_SECONDS // 60, LOG)
                    ) from None
            except KeyboardInterrupt:
                process.terminate()
                process.wait()
                raise
    if code != 0:
        raise Problem(explain(title, begin))
    print("%s  %s: %.0f s" % ("\r" if moving else "", title, time.monotonic() - started))


def explain(title, begin):
    """The sentence for a failed step, from what the tool wrote to the log after position ``begin``."""
    with LOG.open("rb") as log:
        log.seek(begin)
        said = log.read().decode(errors="replace")
    for pattern, sentence in REMEDIES:
        if re.search(pattern, said):
            return sentence
    return "%s failed; the end of %s:\n%s" % (title, LOG, "\n".join(said.splitlines()[-12:]))


def kernel_sources():
    """The files the kernel is built from."""
    kernel = ROOT / "kernel"
    files = [kernel / "Cargo.toml", kernel / "Cargo.lock", kernel / "pyproject.toml"]
    files += sorted((kernel / "src").rglob("*.rs")) + sorted((kernel / "python").rglob("*.py*"))
    return [path for path in files if path.is_file() and path.suffix != ".pyc"]


def digest_of(paths):
    """One hash over the names and contents of the files, and the version of Python."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for path in paths:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_notes():
    """What has been done so far; empty if nothing has or if the note is unreadable."""
    try:
        return dict(json.loads(NOTES.read_text()))
    except (OSError, ValueError):
        return {}


def write_notes(notes):
    """Note what has been done."""
    NOTES.write_text(json.dumps(notes, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
