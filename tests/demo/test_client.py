"""The signed client against a small server: signatures, refusals that are certain and answers that never came."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from exchange_os.demo.client import Credentials, Refused, Unanswered, VenueClient, wait_until_ready

KEY = Credentials("the-key", "the-secret", "the-passphrase")
Answer = tuple[int, dict[str, str], bytes] | None


class Server:
    """Answers as ``answer`` says (``None``: cuts the connection) and keeps what it was sent."""

    def __init__(self) -> None:
        self.answer: Callable[[], Answer] = lambda: (200, {}, b'{"code":"0","data":[]}')
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.seen.append((self.command, self.path, dict(self.headers), body))
                answer = server.answer()
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(text))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def _rows(*codes: str) -> bytes:
    rows = [
        {"clOrdId": str(place), "ordId": "7", "sCode": code, "sMsg": ""} for place, code in enumerate(codes)
    ]
    return json.dumps({"code": "2", "data": rows}).encode()


def test_a_body_is_signed_over_the_path_without_the_venue(server: Server) -> None:
    server.answer = lambda: (200, {}, _rows("0", "51008"))
    acks = VenueClient(server.url, "demo", KEY).bulk(
        [{"op": "cancel", "clOrdId": "a"}, {"op": "cancel", "clOrdId": "b"}]
    )
    assert [(ack.client_id, ack.code) for ack in acks] == [("0", "0"), ("1", "51008")]
    _, path, headers, body = server.seen[0]
    assert path == "/v/demo/api/exos/v1/bulk"
    prehash = headers["OK-ACCESS-TIMESTAMP"].encode() + b"POST/api/exos/v1/bulk" + body
    expected = base64.b64encode(hmac.digest(b"the-secret", prehash, hashlib.sha256)).decode()
    assert headers["OK-ACCESS-SIGN"] == expected


def test_parts_of_a_joint_request_are_signed_each_by_its_key(server: Server) -> None:
    other = Credentials("k2", "s2", "p2")
    server.answer = lambda: (200, {}, b'{"code":"0","data":[' + _rows("0") + b"," + _rows("0", "1") + b"]}")
    cancel = {"op": "cancel", "clOrdId": "a"}
    acks = VenueClient(server.url, "demo", None).joint([(KEY, [cancel]), (other, [cancel, cancel])])
    assert [ack.code for ack in acks] == ["0", "0", "1"]
    parts = json.loads(server.seen[0][3])["parts"]
    assert [part["key"] for part in parts] == ["the-key", "k2"]
    for part, credentials in zip(parts, (KEY, other), strict=True):
        prehash = f"{part['timestamp']}POST/api/exos/v1/bulk{part['body']}".encode()
        digest = hmac.digest(credentials.secret.encode(), prehash, hashlib.sha256)
        assert part["sign"] == base64.b64encode(digest).decode()
    assert "OK-ACCESS-KEY" not in server.seen[0][2]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(503, "50013", Refused), (429, "50011", Refused), (401, "50113", Refused), (504, "50004", Unanswered),
     (500, "50026", Unanswered), (502, "", Unanswered)],
)  # fmt: skip
def test_certain_refusals_are_told_from_unknown_outcomes(
    server: Server, status: int, code: str, kind: type[Exception]
) -> None:
    server.answer = lambda: (status, {"Retry-After": "2"}, json.dumps({"code": code, "msg": "m"}).encode())
    with pytest.raises(kind) as caught:
        VenueClient(server.url, "demo", KEY).bulk([{"op": "cancel"}])
    if isinstance(caught.value, Refused):
        assert (caught.value.status, caught.value.retry_after_seconds) == (status, 2.0)


def test_an_unknown_outcome_inside_an_envelope_is_unanswered(server: Server) -> None:
    server.answer = lambda: (200, {}, b'{"code":"50004","msg":"timed out","data":[]}')
    with pytest.raises(Unanswered):
        VenueClient(server.url, "demo", KEY).bulk([{"op": "cancel"}])


def test_a_connection_cut_before_the_answer_is_unanswered_and_the_next_request_gets_another(
    server: Server,
) -> None:
    client = VenueClient(server.url, "demo", KEY)
    server.answer = lambda: None
    with pytest.raises(Unanswered):
        client.request("GET", "/api/v5/account/balance")
    server.answer = lambda: (200, {}, b'{"code":"0","data":[1]}')
    assert client.request("GET", "/api/v5/account/balance")["data"] == [1]


def test_no_server_is_a_certain_refusal_and_never_ready(server: Server) -> None:
    server.close()
    with pytest.raises(Refused) as caught:
        VenueClient(server.url, "demo", KEY).bulk([{"op": "cancel"}])
    assert caught.value.code == "unreachable"
    assert not wait_until_ready(server.url, timeout_seconds=0.3)


def test_ready_is_what_readyz_says(server: Server) -> None:
    assert wait_until_ready(server.url, timeout_seconds=30.0)
    server.answer = lambda: (503, {}, b"{}")
    assert not wait_until_ready(server.url, timeout_seconds=0.3)
