"""What it costs to find something in a long audit trail.

- ``audit.search``: milliseconds of the slowest kind of search over 1,000,000 events, each asked twenty times and
  answered with the newest fifty: by words that are rare, common and absent, by who, by table, by kind of change, by
  days, and by all of these at once. ``p50`` and ``p99`` are over all of them. The events are those of 200 people on 20
  tables over a year, laid into the table directly; their hashes are not links, which no search looks at.
"""

import json
import statistics
import time
from datetime import date

from benchmarks.servers import start_servers

start_servers()

from django.db import connection  # noqa: E402

from exchange_os.operations.selectors.audit import Sought, search  # noqa: E402

EVENTS = 1_000_000
REPEATS = 20
LAY = """
INSERT INTO operations_auditevent (at, table_name, row_id, op, before, after, user_id, request_id, via, db_role,
    previous_hash, hash, words)
SELECT '2026-01-01'::timestamptz + n * interval '31 seconds', 'venues_t' || n %% 20, (n %% 5000)::text,
    (ARRAY['INSERT', 'UPDATE', 'DELETE'])[1 + n %% 3], b, a, 1 + n %% 200, 'r' || n, 'deployer:fees', 'exchange_app',
    n::text, n::text,
    to_tsvector('simple', 'venues t' || n %% 20 || ' ' || (n %% 5000)::text || ' deployer:fees')
        || jsonb_to_tsvector('simple', b, '["string", "numeric", "key"]')
        || jsonb_to_tsvector('simple', a, '["string", "numeric", "key"]')
FROM generate_series(1, %s) AS n,
    LATERAL (SELECT jsonb_build_object('taker_fee_ppm', n %% 997, 'reason', 'word' || n %% 9973) AS b,
                    jsonb_build_object('taker_fee_ppm', n %% 991, 'reason', 'word' || n %% 9967) AS a OFFSET 0) AS j
"""
SEARCHES = (
    Sought(text="word4711"),
    Sought(text="taker_fee_ppm"),
    Sought(text="word4711 word5000"),
    Sought(text="nobodywrotethis"),
    Sought(who="117"),
    Sought(table="venues_t7"),
    Sought(op="DELETE"),
    Sought(since=date(2026, 3, 1), until=date(2026, 3, 2)),
    Sought(text="taker_fee_ppm", who="117", table="venues_t16", op="UPDATE", since=date(2026, 2, 1)),
)


def main() -> None:
    """Measure and print the figure."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ALTER TABLE operations_auditevent DISABLE TRIGGER USER")
        cursor.execute(LAY, (EVENTS,))
        cursor.execute("ALTER TABLE operations_auditevent ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE operations_auditevent")
    took: list[list[float]] = []
    for sought in SEARCHES:
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            list(search(sought)[:50])
            times.append((time.perf_counter() - began) * 1000)
        took.append(times)
    medians = [statistics.median(times) for times in took]
    every = sorted(one for times in took for one in times)
    line = {
        "name": "audit.search",
        "value": round(max(medians), 2),
        "unit": "ms",
        "p50": round(statistics.median(every), 2),
        "p99": round(every[int(len(every) * 0.99)], 2),
        "samples": len(every),
        "note": f"slowest of {len(SEARCHES)} searches over {EVENTS:,} events, median",
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
