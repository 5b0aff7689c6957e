"""``python -m examples.results.run``: what the results at an address say about some events; nothing is proposed."""

import argparse
import json
from pathlib import Path

from examples.results.desk import PPM, Question, answer
from examples.results.feed import fetch


def main() -> None:
    """Print one line for each event."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feed", required=True, help="address of the document")
    parser.add_argument("--events", required=True, type=Path, help="JSON: code to the names of its outcomes")
    told = parser.parse_args()
    document = fetch(told.feed)
    print(f"{document.name}: {len(document.results)} matches, SHA-256 {document.sha256}")
    for code, names in json.loads(told.events.read_text()).items():
        found = answer(Question(code, tuple(names), 100), document.results)
        if found is None:
            print(f"{code}: not decided")
            continue
        shares = ", ".join(f"{names[at]} {ppm * 100 // PPM}%" for at, ppm in found.payouts.items())
        print(f"{code}: {shares}. {found.words}")


if __name__ == "__main__":
    main()
