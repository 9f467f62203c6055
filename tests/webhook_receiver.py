"""A webhook on this machine: it takes what is posted, and answers as a test wrote down."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answer(status: int, body: str = "", **headers: str) -> str:
    """Write an answer."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} Some\r\ncontent-length: {len(body)}\r\n{''.join(lines)}\r\n{body}"


@dataclass
class Receiver:
    """What it was sent, and what it answers: each of ``answers`` once, then that it is well."""

    url: str = ""
    answers: list[str] = field(default_factory=list)
    always: str = OK
    posts: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def texts(self) -> list[str]:
        """The posts' first lines."""
        return [post["text"] for post in self.posts]

    async def until(self, count: int) -> None:
        """Wait until that many posts have come."""
        async with asyncio.timeout(40):
            while len(self.posts) < count:
                await asyncio.sleep(0.05)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.partition(":")[2])
                for line in head.splitlines()
                if line.lower().startswith("content-length:")
            )
            body = await reader.readexactly(length)
            self.heads.append(head)
            self.posts.append(json.loads(body))
            said = self.answers.pop(0) if self.answers else self.always
            if said == "hang":
                await self.gate.wait()
            writer.write(said.encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/services/T0/B0/VerySecretPart"
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.close()
        await server.wait_closed()
