"""``python -m examples.results.run``: what the results at an address say about some events, or a desk that proposes it.

With ``--events FILE`` it prints and proposes nothing. With ``--venue ADDRESS``, and in the environment variable
``VENUE_TOKEN`` a token of an oracle updater, it proposes at that venue, once or every ``--seconds``.
"""

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path

from examples.results.desk import PPM, Clerk, Question, answer
from examples.results.feed import fetch
from examples.results.venue import VenueDesk, VenueRefused


def main() -> None:
    """One line for each event, or for each round of the desk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feed", required=True, help="address of the document")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--events", type=Path, help="JSON: code to the names of its outcomes")
    where.add_argument("--venue", help="address of the exchange; the token is in VENUE_TOKEN")
    parser.add_argument("--seconds", type=float, default=0.0, help="again after so many seconds; 0: once")
    told = parser.parse_args()
    if told.events:
        _print(told.feed, told.events)
        return
    token = os.environ.get("VENUE_TOKEN", "")
    if not token:
        sys.exit(
            "Put a token into VENUE_TOKEN: make one on the tab API of the venue's console, for an oracle updater."
        )
    logging.basicConfig(level=logging.INFO)
    _serve(Clerk(VenueDesk(told.venue, token), told.feed, fetch), told.seconds)


def _serve(clerk: Clerk, seconds: float) -> None:
    while True:
        try:
            print(f"{clerk.round()} proposed", flush=True)
        except VenueRefused as refused:
            print(f"not this time: {refused}", file=sys.stderr, flush=True)
            if not seconds:
                sys.exit(1)
        if not seconds:
            return
        time.sleep(seconds)


def _print(feed: str, events: Path) -> None:
    document = fetch(feed)
    print(f"{document.name}: {len(document.results)} matches, SHA-256 {document.sha256}")
    for code, names in json.loads(events.read_text()).items():
        found = answer(Question(code, tuple(names), 100), document.results)
        if found is None:
            print(f"{code}: not decided")
            continue
        shares = ", ".join(f"{names[at]} {ppm * 100 // PPM}%" for at, ppm in found.payouts.items())
        print(f"{code}: {shares}. {found.words}")


if __name__ == "__main__":
    main()
