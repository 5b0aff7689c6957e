"""What the chaos clients remember, and how silence is measured."""

from exchange_os.chaos.clients import Fate, OrderClient, Sent, Trader, seconds_to_first_ack
from exchange_os.demo.client import Credentials


def _client(seed: int = 1) -> OrderClient:
    trader = Trader(16, Credentials("key", "secret", "passphrase"))
    return OrderClient("http://127.0.0.1:9", "chaos-1", "CBASE-CQUOTE", trader, seed)


def test_the_same_seed_sends_the_same_items() -> None:
    first, second = (list(_client()._items()) for _ in range(2))
    assert first == second
    assert first != list(_client(seed=2)._items())


def test_recovery_counts_only_what_was_sent_after_the_fault() -> None:
    client = _client()
    client.sent += [
        Sent("place", "before", 9.9, Fate.ACKED, answered_at=10.1),
        Sent("place", "lost", 10.0),
        Sent("place", "refused", 10.2, Fate.REFUSED),
        Sent("place", "after", 11.0, Fate.ACKED, answered_at=12.5),
        Sent("place", "later", 11.5, Fate.ACKED, answered_at=12.6),
    ]
    assert seconds_to_first_ack([client], since=10.0) == 2.5
    assert seconds_to_first_ack([client], since=12.0) is None


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
