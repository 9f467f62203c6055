"""The emulator behind a port: for the command, and for tests inside their own event loop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from perdure.emulator.app import EmulatorApp
from perdure.emulator.emulator import GitHubEmulator
from perdure.emulator.faults import TRANSPORT
from perdure.emulator.settings import EmulatorSettings

_POLL = 0.005
_GRACE = 1


class RunningEmulator(GitHubEmulator):
    """An emulator that is served at ``url``."""

    url: str = ""

    @property
    def api_url(self) -> str:
        """The base of the API: with GHES's prefix where that is the profile."""
        return f"{self.url}/api/v3" if self.settings.profile == "ghes-3.19" else self.url


class _Protocol(H11Protocol):
    """HTTP/1.1 that passes the connection on, so that a fault can close it in the middle of an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        served = cast("ASGIApp", self.app)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**(scope.get("extensions") or {}), TRANSPORT: transport}
            await served(scope, receive, send)

        self.app = cast("Any", app)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: who runs it decides."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def running_emulator(
    root: Path,
    settings: EmulatorSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    **changes: object,
) -> AsyncIterator[RunningEmulator]:
    """Serve an emulator on a free port of this machine while the block runs.

    Raises:
        StateInUseError: Another emulator works on the same state folder.
        OSError: The port is taken.
    """
    with contextlib.closing(_listen(host, port)) as listener:
        emulator = RunningEmulator(root, settings, **changes)
        emulator.url = f"http://{_printable(host)}:{listener.getsockname()[1]}"
        emulator.services.publish(emulator.url, emulator.api_url)
        app = EmulatorApp(emulator.services, is_allowed_host=_host_check(host))
        server = _Server(_config(app))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(_POLL)
            if task.done():
                task.result()
                raise RuntimeError("the emulator's server ended as it started")
            yield emulator
        finally:
            server.should_exit = True
            await task
            await emulator.aclose()


async def serve_emulator(
    root: Path,
    settings: EmulatorSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[RunningEmulator], None] | None = None,
) -> None:
    """Serve an emulator until SIGINT or SIGTERM, then stop its runs with all their processes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running_emulator(root, settings, host=host, port=port) as emulator:
            if on_ready is not None:
                on_ready(emulator)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def run_emulator(
    root: Path,
    settings: EmulatorSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[RunningEmulator], None] | None = None,
) -> None:
    """Serve an emulator until SIGINT or SIGTERM; for a command's main thread.

    Raises:
        StateInUseError: Another emulator works on the same state folder.
        OSError: The port is taken.
    """
    asyncio.run(serve_emulator(root, settings, host=host, port=port, on_ready=on_ready))


def _config(app: EmulatorApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_GRACE,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio switches Nagle's algorithm off; without, each answer is 40 ms late.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _host_check(host: str) -> Callable[[str], bool]:
    """Refuse names that lead here only because someone's DNS says so: this process runs workflow files."""
    known = {host, "127.0.0.1", "localhost", "[::1]", "::1"}
    anywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def is_allowed(header: str) -> bool:
        name = header.rsplit(":", 1)[0] if not header.endswith("]") else header
        return anywhere or name in known or name.endswith(".localhost")

    return is_allowed


def _printable(host: str) -> str:
    return f"[{host}]" if ":" in host else host
