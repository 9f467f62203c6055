"""Everything on this machine: the Temporal server, a worker, and a GitHub where there is no other."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from perdure.cli._local_github import TOKEN_NAME
from perdure.config import IndexSettings, ReviewSettings, Settings, StoreSettings, WatchSettings
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer, Ports
from perdure.engine.pollers import pollers
from perdure.engine.ports import LOOPBACK, free_port, require_free
from perdure.engine.processes import Program, perdure_command
from perdure.engine.supervisor import ProgramService, Supervisor
from perdure.errors import EngineError, PerdureError
from perdure.model import queues

EXAMPLE_REPOSITORY = "acme/wait-then-echo"
EXAMPLE_WORKFLOW_FILE = "wait-and-echo.yaml"
RELEASE_FILE = "examples/release/pipeline.yaml"
_RELEASE = {f"acme/{name}": f"release/{name}" for name in ("library", "service", "deploy")}
_EXAMPLES = {EXAMPLE_REPOSITORY: "wait-then-echo", "acme/shop": "shop/main", **_RELEASE}

# The emulated GitHub takes any token. It goes by way of a variable of its own, as every secret does.
_TOKEN_VARIABLE = "PERDURE_EMULATOR_TOKEN"  # noqa: S105 - a variable's name
_WORKER_EXTRA = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class SetupOptions:
    """What is started, and where.

    Attributes:
        emulator_port: ``None`` takes a free one.
        with_emulator: Whether GitHub is emulated.
        isolated: Whether the worker sees nothing of the caller's own settings.
        with_review: Whether there is a worker for reviews beside the other one.
        metrics_port: The worker's page for Prometheus, the reviewer's one higher; 0 takes free ones, and
            ``None`` what the settings say.
    """

    folder: Path
    ports: Ports
    emulator_port: int | None
    with_emulator: bool
    isolated: bool = False
    with_review: bool = False
    metrics_port: int | None = None


class LocalSetup:
    """The processes of one folder, started in order, kept running, and stopped in the reverse order."""

    def __init__(self, options: SetupOptions, settings: Settings, *, report: Callable[[str], None]) -> None:
        self.options = options
        self.folder = options.folder.absolute()
        self.server = LocalServer(self.folder, ports=options.ports)
        self.emulator: ProgramService | None = None
        self.worker: ProgramService | None = None
        self.reviewer: ProgramService | None = None
        self._settings = settings
        self._emulator_port = options.emulator_port or 0
        self._supervisor = Supervisor(report=report)
        self.metrics = self._metrics_addresses()

    @property
    def github_url(self) -> str:
        """The REST API that the worker uses."""
        if self.options.with_emulator:
            return f"http://{LOOPBACK}:{self._emulator_port}"
        return self._settings.github.url

    @property
    def github_folder(self) -> Path:
        """Where the emulated GitHub's repositories lie."""
        return self.folder / "github"

    @property
    def pids(self) -> dict[str, int]:
        """The processes by what they are."""
        services = {
            "server": self.server,
            "emulator": self.emulator,
            "worker": self.worker,
            "reviewer": self.reviewer,
        }
        return {name: service.pid for name, service in services.items() if service is not None}

    async def start(self) -> None:
        """Start everything, and return when an action could be run.

        Raises:
            PerdureError: Something could not be started. What was started before it is stopped again.
        """
        try:
            # Before anything runs: a port that is taken is said at once.
            if self.options.with_emulator and self.options.emulator_port:
                require_free(self._emulator_port, wanted_for="the emulated GitHub", option="--emulator-port")
            for name, address in self.metrics.items():
                port = int(address.rpartition(":")[2])
                require_free(port, wanted_for=f"the {name}'s metrics", option="--metrics-port")
            await self._supervisor.start(self.server)
            self._write_own_files()
            if self.options.with_emulator:
                await self._start_emulator()
            self.worker = self._worker("worker", queues.ALL)
            await self._supervisor.start(self.worker)
            if self.options.with_review:
                self.reviewer = self._worker("reviewer", queues.REVIEWING)
                await self._supervisor.start(self.reviewer)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything that was started."""
        await self._supervisor.stop()

    async def gives_up(self) -> PerdureError:
        """Return why something cannot be kept running, when there is something."""
        return await self._supervisor.gives_up()

    async def _start_emulator(self) -> None:
        self._emulator_port = self._emulator_port or free_port()
        await asyncio.to_thread(create_examples, self.github_folder)
        port = str(self._emulator_port)
        self.emulator = ProgramService(
            Program(
                name="emulated GitHub",
                # GitHub would not have been away: what a stop cuts off here goes on at the next start.
                command=perdure_command(
                    *("emulator", "--root", str(self.github_folder), "--port", port, "--restart-lost-runs")
                ),
                log_path=self.folder / "emulator.log",
                environment=dict(_own_variables()),
            ),
            is_ready=lambda _: _accepts(self._emulator_port),
        )
        await self._supervisor.start(self.emulator)

    def _metrics_addresses(self) -> dict[str, str]:
        """Return where each worker serves its metrics: two of them cannot share a port."""
        names = ("worker", "reviewer") if self.options.with_review else ("worker",)
        host, port = LOOPBACK, self.options.metrics_port
        if port is None:
            if self.options.isolated or not self._settings.metrics.address:
                return {}
            host, _, said = self._settings.metrics.address.rpartition(":")
            port = int(said)
        return {name: f"{host}:{port + number if port else free_port()}" for number, name in enumerate(names)}

    def _worker(self, name: str, task_queues: Collection[str]) -> ProgramService:
        graceful_shutdown = self._settings.worker.graceful_shutdown
        server = ("--address", self.server.address, "--namespace", "default")
        metrics = ("--metrics", self.metrics[name]) if name in self.metrics else ()
        return ProgramService(
            Program(
                name=name,
                command=perdure_command("worker", "--queues", ",".join(task_queues), *server, *metrics),
                log_path=self.folder / f"{name}.log",
                environment=self._worker_environment(),
                stop_timeout=graceful_shutdown + _WORKER_EXTRA,
            ),
            is_ready=partial(self._polls, task_queues),
        )

    def _worker_environment(self) -> dict[str, str | None]:
        environment: dict[str, str | None] = dict(_own_variables()) if self.options.isolated else {}
        # The profile that a person keeps for another server may ask for an API key or for TLS.
        environment.update({name: None for name in os.environ if name.startswith("TEMPORAL_")})
        environment["TEMPORAL_CONFIG_FILE"] = str(self.folder / "temporal.toml")
        if self.options.isolated:
            empty = self.folder / "perdure.toml"
            empty.write_text("# Nothing but defaults.\n")
            environment["PERDURE_CONFIG"] = str(empty)
        if self.options.with_emulator:
            environment["PERDURE_GITHUB_URL"] = self.github_url
            environment["PERDURE_GITHUB_TOKEN"] = f"env:{_TOKEN_VARIABLE}"
            environment[_TOKEN_VARIABLE] = "emulated"
            if self.options.isolated or self._settings.watch == WatchSettings():
                # Nobody's quota is spent on a GitHub of one's own.
                environment["PERDURE_WATCH_SHORTEST_INTERVAL"] = "500ms"
                environment["PERDURE_WATCH_LONGEST_INTERVAL"] = "2s"
        # All that is kept lies in the one folder, unless the settings say otherwise.
        for variable, (is_default, name) in {
            "PERDURE_STORE_PATH": (self._settings.store.path == StoreSettings().path, "store"),
            "PERDURE_REVIEW_FOLDER": (self._settings.review.folder == ReviewSettings().folder, "review"),
            "PERDURE_INDEX_PATH": (self._settings.index.path == IndexSettings().path, "index"),
            "PERDURE_INDEX_REPOSITORIES": (
                self._settings.index.repositories == IndexSettings().repositories,
                "repositories",
            ),
        }.items():
            if self.options.isolated or is_default:
                environment[variable] = str(self.folder / name)
        return environment

    def _write_own_files(self) -> None:
        address = json.dumps(self.server.address)
        (self.folder / "temporal.toml").write_text(
            f'[profile.default]\naddress = {address}\nnamespace = "default"\n'
        )
        (self.folder / TOKEN_NAME).write_text("emulated\n")
        # Databases and logs belong in nobody's commit.
        (self.folder / ".gitignore").write_text("*\n")

    async def _polls(self, task_queues: Collection[str], pid: int) -> bool:
        client = await connect_local(self.server.address)
        suffix = "" if self.options.isolated else self._settings.worker.queue_suffix
        polled = [await pollers(client, queue + suffix) for queue in task_queues]
        return all(any(identity.startswith(f"{pid}@") for identity in found) for found in polled)


def create_examples(root: Path) -> None:
    """Make the example repositories below a folder, where they are missing."""
    try:
        from perdure.emulator.repositories import create_repository
    except ImportError as error:
        msg = "the emulated GitHub is not installed"
        raise EngineError(msg, hint="pip install 'perdure[local]'") from error

    for repository, name in _EXAMPLES.items():
        if not (root / f"{repository}.git").exists():
            example = files("perdure.emulator").joinpath("examples", *name.split("/"))
            create_repository(root, repository, dict(_texts(example)))


def create_change(root: Path, repository: str, branch: str) -> None:
    """Make the example's change on a branch of its own."""
    from perdure.emulator.repositories import Repository, commit_files

    owner, _, name = repository.partition("/")
    change = files("perdure.emulator").joinpath("examples", name, "change")
    commit_files(
        Repository(repository, root / owner / f"{name}.git"),
        dict(_texts(change)),
        branch=branch,
        message="Print receipts",
    )


def release_example() -> str:
    """Return the example's pipeline file."""
    example = files("perdure.emulator").joinpath("examples", "release", "pipeline.yaml")
    return example.read_text(encoding="utf-8")


def _texts(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _texts(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")


def _own_variables() -> Iterator[tuple[str, None]]:
    """Yield the variables that configure Perdure or hold GitHub tokens, to be taken away.

    Who reviews stays: a model is tried out by naming it.
    """
    for name in os.environ:
        if name == "PERDURE_MODEL" or name.startswith("PERDURE_REVIEW_"):
            continue
        if name.startswith("PERDURE_") or name in {"GITHUB_TOKEN", "GH_TOKEN"}:
            yield name, None


async def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.close()
        return True
    return False
