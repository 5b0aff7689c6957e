"""The world outside: an HTTP server that speaks as Hermes, an Ethereum node and any price service do."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FEED = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
AGGREGATOR = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"


def hermes(feed: str, price: int, conf: int, expo: int, publish_time: int) -> dict[str, Any]:
    """An answer of ``/v2/updates/price/latest``, with all that a real one carries."""
    told = {"price": str(price), "conf": str(conf), "expo": expo, "publish_time": publish_time}
    metadata = {
        "slot": 138_881_186,
        "proof_available_time": publish_time + 2,
        "prev_publish_time": publish_time - 1,
    }
    return {
        "binary": {"encoding": "hex", "data": ["504e41550100000003b801000000"]},
        "parsed": [{"id": feed, "price": told, "ema_price": told, "metadata": metadata}],
    }


def round_data(round_id: int, answer: int, updated: int, answered_in: int | None = None) -> str:
    """The five words ``latestRoundData()`` returns."""
    words = (round_id, answer, updated, updated, round_id if answered_in is None else answered_in)
    return "0x" + b"".join((word % 2**256).to_bytes(32) for word in words).hex()


class World:
    """The server, and what it says at present."""

    def __init__(self) -> None:
        self.pyth: Any = {}
        self.rounds: dict[str, str] = {}
        self.ticker: Any = {}
        self.asked: list[str] = []
        #: Path -> what to do instead of answering.
        self.tricks: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                world.answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                world.answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)

    def answer(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        """Answer one request as the service of its path does."""
        parts = urlsplit(handler.path)
        self.asked.append(parts.path)
        if parts.path in self.tricks:
            self.tricks[parts.path](handler)
            return
        if parts.path == "/v2/updates/price/latest":
            wanted = parse_qs(parts.query)
            known = wanted.get("ids[]") == [FEED] and wanted.get("parsed") == ["true"]
            reply(handler, self.pyth if known else {"error": "Price ids not found"}, 200 if known else 404)
        elif parts.path == "/rpc":
            reply(handler, self._call(body))
        else:
            reply(handler, self.ticker)

    def _call(self, body: Any) -> Any:
        call, block = body["params"]
        head = {"jsonrpc": "2.0", "id": body["id"]}
        result = self.rounds.get(call["to"])
        if (
            body["method"] != "eth_call"
            or block != "latest"
            or call["data"] != "0xfeaf968c"
            or result is None
        ):
            return head | {"error": {"code": 3, "message": "execution reverted", "data": "0x"}}
        return head | {"result": result}


def reply(handler: BaseHTTPRequestHandler, document: Any, status: int = 200, **headers: str) -> None:
    """Send JSON (or, if it is bytes, exactly those)."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
