"""Token buckets: a burst up to the capacity, then one at a time as tokens come back."""

from redis import Redis

from trading.limits import LOGIN, Limit, spend, spend_leased

LIMIT = Limit("of-a-test", 5, 60)


async def test_a_bucket_gives_its_capacity_and_then_says_how_long_to_wait(redis_client: Redis) -> None:
    verdicts = [await spend(LIMIT, "someone") for _ in range(6)]

    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0]
    assert 11_000 < verdicts[-1].retry_after_ms <= 12_000


async def test_a_refusal_takes_nothing_and_buckets_are_apart(redis_client: Redis) -> None:
    assert (await spend(LIMIT, "someone", 4)).allowed
    assert not (await spend(LIMIT, "someone", 2)).allowed
    assert (await spend(LIMIT, "someone", 1)).allowed
    assert (await spend(LIMIT, "someone else", 5)).allowed


async def test_what_costs_more_than_the_bucket_never_passes(redis_client: Redis) -> None:
    verdict = await spend(LIMIT, "someone", 6)
    assert not verdict.allowed
    assert (await spend(LIMIT, "someone", 5)).allowed


async def test_a_bucket_leaves_nothing_behind_once_it_is_full(redis_client: Redis) -> None:
    await spend(LIMIT, "someone", 5)
    lifetime = redis_client.pttl("xos:limit:of-a-test:someone")
    assert 55_000 < lifetime <= 60_001


async def test_leases_never_exceed_the_bucket(redis_client: Redis) -> None:
    limit = Limit("of-a-lease", 100, 60)
    verdicts = [await spend_leased(limit, "someone") for _ in range(150)]

    assert [verdict.allowed for verdict in verdicts] == [True] * 100 + [False] * 50
    assert verdicts[-1].retry_after_ms > 0


async def test_a_lease_is_spent_without_asking_again(redis_client: Redis) -> None:
    limit = Limit("of-a-process", 1000, 60)
    await spend_leased(limit, "someone")
    redis_client.flushall()
    for _ in range(99):
        assert (await spend_leased(limit, "someone")).allowed
    assert redis_client.exists("xos:limit:of-a-process:someone") == 0
    assert (await spend_leased(limit, "someone", 500)).allowed


async def test_without_redis_guesses_are_refused_and_reads_stay_open(settings: object) -> None:
    settings.REDIS_STREAM_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    refused = await spend(LOGIN, "someone")
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert refused.retry_after_ms == 2000
    assert (await spend(LIMIT, "someone")).allowed
