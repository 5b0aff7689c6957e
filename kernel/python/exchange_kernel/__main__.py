"""``python -m exchange_kernel verify FILE`` and ``proof FILE``: check a journal or a proof of liabilities, without the platform."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exchange_kernel.journal_file import NotAJournal, Verdict, verify
from exchange_kernel.proofs import ProofRefused, check_proof

PROGRESS_COMMANDS = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run a command; answers the exit code: 0 holds, 1 does not hold, 2 could not be read."""
    parser = argparse.ArgumentParser(prog="python -m exchange_kernel", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    journal = commands.add_parser(
        "verify", help="replay a journal file and check hashes, conservation and root"
    )
    journal.add_argument("file", type=Path)
    journal.add_argument(
        "--until", type=int, help="stop after this sequence, to compare with a published head"
    )
    journal.add_argument("--hash", help="expected hash of the last batch, in hex")
    journal.add_argument("--root", help="expected state root, in hex")
    journal.add_argument("--account", type=int, help="also print what this account holds at the end")
    journal.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    proof = commands.add_parser("proof", help="check a proof of liabilities as downloaded from your account")
    proof.add_argument("file", type=Path)
    proof.add_argument("--digest", help="the published digest of that night, in hex")
    options = parser.parse_args(arguments)
    try:
        return _verify(options) if options.command == "verify" else _proof(options)
    except OSError as error:
        print(f"{options.file}: {error.strerror or error}", file=sys.stderr)
    except (NotAJournal, json.JSONDecodeError, UnicodeDecodeError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
    return 2


def _reporter() -> Callable[[int], None]:
    """Tells how far a long replay is, on a terminal."""
    if not sys.stderr.isatty():
        return lambda sequence: None
    told = 0

    def tell(sequence: int) -> None:
        nonlocal told
        if sequence - told >= PROGRESS_COMMANDS:
            told = sequence
            print(f"\r{sequence:,} commands ...", end="", file=sys.stderr, flush=True)

    return tell


def _verify(options: argparse.Namespace) -> int:
    started = time.perf_counter()
    with options.file.open("rb") as file:
        verdict = verify(file, options.until, _reporter())
    if options.hash and options.hash.lower() != verdict.hash.hex():
        verdict.faults.append(f"the last batch has the hash {verdict.hash.hex()}, not the one expected")
    if options.root and options.root.lower() != verdict.root:
        verdict.faults.append(f"the state root is {verdict.root}, not the one expected")
    found = _found(verdict, time.perf_counter() - started)
    if options.account is not None:
        question = json.dumps({"q": "account", "account": options.account}).encode()
        found["account"] = json.loads(verdict.kernel.query(question))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return 1 if verdict.faults else 0


def _found(verdict: Verdict, seconds: float) -> dict[str, Any]:
    assets = sorted(verdict.totals.keys() | verdict.deposits.keys())
    return {
        "holds": not verdict.faults,
        "faults": verdict.faults,
        "group": verdict.kernel.group,
        "commands": verdict.kernel.sequence,
        "batches": verdict.batches,
        "seconds": round(seconds, 3),
        "hash": verdict.hash.hex(),
        "root": verdict.root,
        "assets": [
            {
                "asset": asset,
                "deposits": verdict.deposits.get(asset, 0),
                "withdrawals": verdict.withdrawals.get(asset, 0),
                "held": verdict.totals.get(asset, 0),
            }
            for asset in assets
        ],
    }


def _print(found: dict[str, Any]) -> None:
    print(
        f"risk group {found['group']}: {'HOLDS' if found['holds'] else 'DOES NOT HOLD'}; {found['commands']:,} commands "
        f"in {found['batches']:,} batches, replayed in {found['seconds']} s"
    )
    print(f"hash of the journal  {found['hash']}")
    print(f"state root           {found['root']}")
    for row in found["assets"]:
        print(
            f"asset {row['asset']}: {row['deposits']} units came in, {row['withdrawals']} went out, {row['held']} are held"
        )
    for fault in found["faults"]:
        print(f"  {fault}")
    if "account" in found:
        print(json.dumps(found["account"], indent=2))


def _proof(options: argparse.Namespace) -> int:
    proof = json.loads(options.file.read_text())
    try:
        digest = check_proof(proof)
    except ProofRefused as refused:
        print(f"DOES NOT HOLD: {refused}")
        return 1
    if options.digest and options.digest.lower() != digest:
        print(f"DOES NOT HOLD: the proof leads to the digest {digest}, not to the published one")
        return 1
    print(
        f"HOLDS: on {proof['statement']['day']} user {proof['user']} is counted with {proof['units']} units of {proof['asset']}"
    )
    print(f"digest of the night  {digest}")
    print("Compare it with the digest that is published for everybody.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
