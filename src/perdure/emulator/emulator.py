"""One emulated GitHub: its parts, its application, and its life."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from perdure.emulator.app import EmulatorApp
from perdure.emulator.auth import Authentication
from perdure.emulator.faults import Faults
from perdure.emulator.limits import RateLimits
from perdure.emulator.pull_records import PullRequest
from perdure.emulator.pull_requests import NewPull
from perdure.emulator.records import Job, Run
from perdure.emulator.request_log import RequestLog
from perdure.emulator.services import Services
from perdure.emulator.settings import EmulatorSettings


class GitHubEmulator:
    """GitHub in this process, over a folder of git repositories.

    ``app`` is an ASGI application, for a server or for a client's in-process transport. Runs execute in the
    event loop that serves the requests; leave the emulator as an async context manager to stop them.
    """

    def __init__(self, root: Path, settings: EmulatorSettings | None = None, **changes: object) -> None:
        """Open an emulator; ``changes`` are fields of the settings, such as ``timing="real"``.

        Raises:
            StateInUseError: Another emulator works on the same state folder.
        """
        settings = replace(settings or EmulatorSettings(), **changes)  # type: ignore[arg-type]
        self.root = root
        self.settings = settings
        self.services = Services.open(root, settings)
        self.app = EmulatorApp(self.services)

    @property
    def faults(self) -> Faults:
        """What shall go wrong."""
        return self.services.faults

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self.services.requests

    @property
    def limits(self) -> RateLimits:
        """The clients' quotas."""
        return self.services.limits

    @property
    def authentication(self) -> Authentication:
        """Tokens, Apps and suspended installations."""
        return self.services.authentication

    @property
    def runs(self) -> list[Run]:
        """Every run, oldest first, also those that lists do not show yet."""
        return list(self.services.state.runs.values())

    def jobs(self, run: Run) -> list[Job]:
        """Return the jobs of a run's latest attempt."""
        return self.services.state.jobs_of(run.id, run.current.number)

    def open_pull_request(self, repository: str, wanted: NewPull) -> PullRequest:
        """Open a pull request as a person would on GitHub's pages.

        Raises:
            LookupError: There is no such repository.
            PullRefusedError: GitHub would refuse it.
        """
        found = self.services.repositories.find(*repository.split("/"))
        if found is None:
            raise LookupError(f"there is no repository {repository}")
        return self.services.pulls.open(found, wanted)

    async def idle(self) -> None:
        """Wait until no run executes and no webhook is on its way."""
        await self.services.lifecycle.idle()
        await self.services.webhooks.settled()

    async def aclose(self) -> None:
        """Stop runs at once and write everything down."""
        await self.services.lifecycle.close()
        await self.services.pulls.close()
        await self.services.webhooks.close()
        self.services.state.store.close()

    async def __aenter__(self) -> Self:
        """Take up what an earlier emulator has left."""
        await self.services.lifecycle.resume()
        self.services.pulls.watch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
