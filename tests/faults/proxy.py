"""A TCP proxy that treats what goes through it as bad networks do."""

import asyncio
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards connections to a port of this machine, until it is told otherwise."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lines: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_silent = False
        self._flows = asyncio.Event()
        self._flows.set()
        self.latency = 0.0
        """Seconds by which everything is late."""

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def reset(self) -> None:
        """Break every connection. New ones work."""
        for writer in self._writers:
            writer.transport.abort()

    def silence(self) -> None:
        """Lose everything without a word, as a firewall does that has forgotten its connections."""
        self._is_silent = True

    def hold(self) -> None:
        """Let nothing through and lose nothing."""
        self._flows.clear()

    def heal(self) -> None:
        """Forward again. A connection that has lost something is never heard of again."""
        self._is_silent = False
        self._flows.set()
        self.latency = 0.0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.reset()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        self._writers.add(writer)
        onward = None
        try:
            far_reader, onward = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(onward)
            lost = asyncio.Event()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, onward, lost))
                both.create_task(self._pump(far_reader, writer, lost))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(line)
            for end in (writer, onward):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            await self._flows.wait()
            if self.latency:
                await asyncio.sleep(self.latency)
            if self._is_silent or lost.is_set():
                lost.set()
                continue
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("one end has closed it")
