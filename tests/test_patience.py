"""Slow and endless requests are turned away, whole ones answered; an address holds so many sockets of pages."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, ClassVar

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from uvicorn import Config
from uvicorn.server import ServerState

from exchange_os.patience import MAX_HEAD_BYTES, PatientProtocol, SocketsByAddress

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers how long the body was."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": f"{length:4}".encode()})


def talk(protocol: type[PatientProtocol], said: list[bytes]) -> bytes:
    """What comes back until the server closes, of a client that says this and then nothing."""

    async def main() -> bytes:
        config = Config(echo, http=protocol, lifespan="off", log_config=None)
        config.load()
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            for part in said:
                writer.write(part)
                await writer.drain()
                if part.endswith(b"!"):
                    await reader.readuntil(b"   5")  # answered: the next request of the same connection
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

    return asyncio.run(main())


class Hasty(PatientProtocol):
    """Its time is up as soon as all that the client says has come."""

    expected = 0
    came = 0
    armed: ClassVar[list[float]] = []

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.expire()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.came += len(data)
        self.expire()

    def expire(self) -> None:
        if self.came == self.expected:
            assert self._timer is not None
            self.armed.append(round(self._timer.when() - self.loop.time()))
            self._turn_away(HTTPStatus.REQUEST_TIMEOUT)


@pytest.mark.parametrize(
    ("said", "answer", "seconds"),
    [
        ([], b"", 10),
        ([HEAD + b"x-slow: "], b"HTTP/1.1 408 Request Timeout", 10),
        ([HEAD + b"content-length: 5\r\n\r\nabc"], b"HTTP/1.1 408 Request Timeout", 60),
        ([HEAD + b"content-length: 5\r\n\r\nabcd!", HEAD], b"HTTP/1.1 408 Request Timeout", 10),
    ],
    ids=["nothing", "a head that does not end", "a body that does not end", "a later head"],
)
def test_who_takes_too_long_is_turned_away(
    said: list[bytes], answer: bytes, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hasty, "expected", sum(map(len, said)))
    monkeypatch.setattr(Hasty, "armed", [])
    assert talk(Hasty, said).split(b"\r\n")[0] == answer
    assert Hasty.armed == [seconds]


def test_a_head_without_end_is_turned_away() -> None:
    endless = [HEAD] + [b"x-more: " + b"y" * 8_000 + b"\r\n"] * (MAX_HEAD_BYTES // 8_000 + 1)
    assert talk(PatientProtocol, endless).startswith(b"HTTP/1.1 431 ")


def test_whole_requests_and_parts_in_time_are_answered() -> None:
    last = HEAD + b"connection: close\r\ncontent-length: 5\r\n\r\n"
    answer = talk(PatientProtocol, [HEAD + b"content-length: 5\r\n", b"\r\nabc", b"d!", last, b"abcde"])
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"   5")


def test_an_address_holds_so_many_sockets() -> None:
    async def accepting(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def main() -> list[str]:
        bounded = SocketsByAddress(accepting, 2)
        said: list[str] = []

        async def opened(address: str) -> Callable[[], Awaitable[Any]]:
            socket = ApplicationCommunicator(bounded, {"type": "websocket", "client": (address, 1)})
            await socket.send_input({"type": "websocket.connect"})
            said.append((await socket.receive_output(20))["type"])

            async def end() -> None:
                await socket.send_input({"type": "websocket.disconnect", "code": 1000})
                await socket.wait()

            return end

        most = 2 * settings.API_RATE_FACTOR
        ends = [await opened("203.0.113.1") for _ in range(most)]
        await opened("203.0.113.1")
        await opened("203.0.113.2")
        await ends[0]()
        await opened("203.0.113.1")
        return said

    most = 2 * settings.API_RATE_FACTOR
    accept, close = "websocket.accept", "websocket.close"
    assert asyncio.run(main()) == [accept] * most + [close, accept, accept]
