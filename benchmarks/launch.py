"""How long a launch takes, from the deployer's button to trading, on servers of its own with one engine worker.

- ``launch.venue``: seconds for a venue with three markets (spot, perpetual, question): the draft is checked, the rows
  are written, the markets are opened in the kernel, the venue is open. Median of twenty launches.
- ``launch.worldcup``: the same for the demo's World Cup, 86 events with 323 markets. Median of five.
- ``launch.events``: the same for a venue of 120 questions with three outcomes each, 360 markets. Median of five.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.servers import Worker, start_servers

os.environ.setdefault("MIN_CHALLENGE_SECONDS", "60")  # the calendar of the World Cup is fast
start_servers()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import AbstractBaseUser  # noqa: E402
from django.utils import timezone  # noqa: E402

from exchange_os.demo.stage import ensure_person, ensure_stake  # noqa: E402
from exchange_os.demo.worldcup.listing import LEAD, opening_forms, whole_minute  # noqa: E402
from exchange_os.engine import client  # noqa: E402
from exchange_os.ledger.models import PostingKind  # noqa: E402
from exchange_os.ledger.selectors import stake_asset, to_units  # noqa: E402
from exchange_os.ledger.services.postings import external, post_transfer, wallet  # noqa: E402
from venues.launch_templates import BY_KEY  # noqa: E402
from venues.models import VenueState  # noqa: E402
from venues.services import drive_launch, launch_venue, stake  # noqa: E402
from venues.services.drafts import new_draft  # noqa: E402

VENUES, LARGE_VENUES, EVENTS = 20, 5, 120


def question(number: int) -> dict[str, str]:
    """A match with three outcomes."""
    closes = timezone.now() + timedelta(days=30)
    return {
        **BY_KEY["question"].markets[0], "event_kind": "multiple", "series": f"M{number}", "code": f"MATCH{number}",
        "title": f"Who wins match {number}?", "outcomes": "Home\nDraw\nAway", "closes": f"{closes:%Y-%m-%d %H:%M}",
    }  # fmt: skip


def three_markets() -> list[dict[str, str]]:
    """A spot pair, a perpetual and a question."""
    asked = {**question(0), "event_kind": "binary", "outcomes": ""}
    return [*BY_KEY["spot"].markets, *BY_KEY["perpetual"].markets, asked]


def world_cup() -> list[dict[str, str]]:
    """The demo's World Cup as it opens: champion, top scorer, group winners and the matches of the groups."""
    return opening_forms(whole_minute(timezone.now() + LEAD), "The results as published.")


def measure(
    user: AbstractBaseUser, name: str, count: int, markets: Callable[[], list[dict[str, str]]]
) -> dict[str, Any]:
    """Launch ``count`` venues one after the other; the figure."""
    taken, listed = [], 0
    for number in range(count + 1):
        slug = f"{name.partition('.')[2]}-{number}"
        venue = {"name": f"Bench {slug}", "slug": slug, "accent": "", "description": "", "access": ""}
        draft = new_draft(user, {"venue": venue, "markets": markets()})
        start = time.perf_counter()
        made = launch_venue(user, draft)
        state = drive_launch(made.pk)
        taken.append(time.perf_counter() - start)
        assert state == VenueState.OPEN, made.launch_error
        listed = made.markets.count()
    timed = sorted(taken[1:])  # the first warms up
    return {
        "name": name,
        "value": round(statistics.median(timed), 3),
        "unit": "s",
        "p50": round(1000 * statistics.median(timed), 1),
        "p99": round(1000 * timed[-1], 1),
        "samples": len(timed),
        "note": f"{listed} markets, one after the other; p99 is the longest, in ms",
    }


def main() -> None:
    """Run what ``BENCH_NAME`` begins with, or all."""
    wanted = os.environ.get("BENCH_NAME", "")
    worker = Worker()
    user = ensure_person("deployer@bench.example", None)
    ensure_stake(user, "Benchmarks")
    asset = stake_asset()
    units = max(to_units(amount, asset) for amount in settings.MIN_STAKES.values()) * (
        VENUES + 2 * LARGE_VENUES + 3
    )
    post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), units)
    stake(user, units)
    for name, count, markets in (
        ("launch.venue", VENUES, three_markets),
        ("launch.worldcup", LARGE_VENUES, world_cup),
        ("launch.events", LARGE_VENUES, lambda: [question(number) for number in range(EVENTS)]),
    ):
        if name.startswith(wanted) or wanted.startswith(name):
            print(json.dumps(measure(user, name, count, markets)), flush=True)
    client.close()
    worker.kill()


if __name__ == "__main__":
    main()
