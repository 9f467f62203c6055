"""GitHub in a process: for rehearsals, for the demo, for tests.

A folder of real git repositories, one per ``owner/repo``, is served as GitHub's REST API; dispatched workflow
files are executed on this machine. ``GitHubEmulator`` is the application, ``running_emulator`` serves it in
an event loop, ``run_emulator`` is the command's.
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
