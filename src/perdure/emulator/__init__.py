"""GitHub in a process: for rehearsals, for the demo, for tests.

A folder of real git repositories, one per ``owner/repo``, is served as GitHub's REST API; dispatched workflow
files are executed on this machine. `GitHubEmulator` is the ASGI application, `running_emulator` serves it
inside an event loop, `run_emulator` is the command's.

Without Apps and tokens in its settings an emulator is open: any token is taken for the first user's
(``octocat``). So it listens on loopback only, unless told otherwise, and answers to no foreign host name.

Runs, jobs, logs, artifacts and numbers are kept in ``ROOT/.emulator``. A run that was executing when the
emulator was stopped or killed has lost its runner and ends as ``failure``, with an annotation that says so;
one that was still waiting for a runner or for its concurrency group starts again.

`Faults.fail_next` breaks answers, `Faults.next_run` makes runs odd; over HTTP the same is at ``/_emulator``
where the setting ``control`` is on.
"""

from perdure.emulator.emulator import GitHubEmulator
from perdure.emulator.faults import Fault, Faults
from perdure.emulator.repositories import Repository, commit_files, create_repository
from perdure.emulator.server import RunningEmulator, run_emulator, running_emulator, serve_emulator
from perdure.emulator.settings import (
    OCTOCAT,
    App,
    EmulatorSettings,
    Installation,
    Team,
    Timing,
    User,
    Webhook,
)
from perdure.emulator.store import StateInUseError

__all__ = [
    "OCTOCAT",
    "App",
    "EmulatorSettings",
    "Fault",
    "Faults",
    "GitHubEmulator",
    "Installation",
    "Repository",
    "RunningEmulator",
    "StateInUseError",
    "Team",
    "Timing",
    "User",
    "Webhook",
    "commit_files",
    "create_repository",
    "run_emulator",
    "running_emulator",
    "serve_emulator",
]
