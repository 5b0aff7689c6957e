"""What the chaos clients remember, and how silence is measured."""

from exchange_os.chaos.clients import Fate, OrderClient, Sent, Trader, longest_silence
from exchange_os.demo.client import Credentials


def _client(seed: int = 1) -> OrderClient:
    trader = Trader(16, Credentials("key", "secret", "passphrase"))
    return OrderClient("http://127.0.0.1:9", "chaos-1", "CBASE-CQUOTE", trader, seed)


def test_the_same_seed_sends_the_same_items() -> None:
    first, second = (list(_client()._items()) for _ in range(2))
    assert first == second
    assert first != list(_client(seed=2)._items())


def test_silence_is_the_longest_gap_between_answers_within_the_window() -> None:
    client = _client()
    for moment in (1.0, 10.1, 10.4, 12.9, 13.0, 99.0):
        client.sent.append(Sent("place", "c", 0.0, Fate.ACKED, answered_at=moment))
    client.sent.append(Sent("place", "never answered", 0.0))
    assert longest_silence([client], since=10.0, until=14.0) == 2.5
    assert longest_silence([_client()], since=10.0, until=14.0) == 4.0


def test_a_server_that_is_not_there_refuses_for_certain() -> None:
    client = _client()
    client.pause_seconds = 0.0
    client.start()
    while not client.sent or client.sent[0].fate is not Fate.REFUSED:
        assert client.is_alive()
    client.stop()
    client.join()
    assert {record.fate for record in client.sent} == {Fate.REFUSED}
    assert client.acked == 0
