"""A socket client for tests: sends JSON, waits for the message a test asks for, keeps the rest in order."""

import asyncio
import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from trading.okx.signing import sign

PATIENCE_SECONDS = 20.0  # for one message
UNTIL_SECONDS = 30.0  # for the one that is waited for, however many others come
LAST_SHOWN = 12


class Socket:
    """One socket of the venue; use with ``async with``."""

    def __init__(self, address: str, **options: Any) -> None:
        self.address = address
        self.options = options
        self.seen: list[dict[str, Any]] = []
        self.connection: ClientConnection

    async def __aenter__(self) -> Self:
        self.connection = await connect(self.address, **{"open_timeout": 30.0, **self.options})
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def send(self, message: Any) -> None:
        """Send JSON, or text as it is."""
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def receive(self) -> Any:
        """The next message."""
        text = await asyncio.wait_for(self.connection.recv(), PATIENCE_SECONDS)
        message = json.loads(text) if text != "pong" else text
        self.seen.append(message)
        return message

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """The next message that fulfils ``condition``; fails with the last ones seen if it does not come in time."""
        before = len(self.seen)
        try:
            async with asyncio.timeout(UNTIL_SECONDS):
                while True:
                    message = await self.receive()
                    if condition(message):
                        return message
        except TimeoutError:
            seen = self.seen[before:]
            texts = "\n".join(str(message)[:400] for message in seen[-LAST_SHOWN:])
            raise AssertionError(
                f"the message did not come; {len(seen)} others did, at last:\n{texts}"
            ) from None

    async def subscribe(self, channel: str, **arg: str) -> dict[str, Any]:
        """Subscribe and answer the acknowledgement."""
        await self.send({"op": "subscribe", "args": [{"channel": channel, **arg}]})
        return await self.until(lambda message: message.get("event") in ("subscribe", "error"))

    async def push(self, channel: str) -> dict[str, Any]:
        """The next push of a channel."""
        return await self.until(
            lambda message: message.get("arg", {}).get("channel") == channel and "data" in message
        )

    async def login(self, person: dict[str, str], **changes: Any) -> dict[str, Any]:
        """Sign in and answer the acknowledgement."""
        stamp = str(int(time.time()))
        arg = {
            "apiKey": person["key"],
            "passphrase": person["passphrase"],
            "timestamp": stamp,
            "sign": sign(person["secret"].encode(), f"{stamp}GET/users/self/verify".encode()),
            **changes,
        }
        await self.send({"op": "login", "args": [arg]})
        return await self.until(lambda message: message.get("event") in ("login", "error"))

    async def operate(self, operation: str, *args: dict[str, Any], identity: str = "1") -> dict[str, Any]:
        """Do an order operation and answer its acknowledgement."""
        await self.send({"id": identity, "op": operation, "args": list(args)})
        return await self.until(lambda message: message.get("id") == identity)
