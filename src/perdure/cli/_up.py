"""What ``perdure up`` does."""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._local_github import RECORD_NAME, needs_emulator
from perdure.cli._local_setup import (
    EXAMPLE_REPOSITORY,
    EXAMPLE_WORKFLOW_FILE,
    RELEASE_FILE,
    LocalSetup,
    SetupOptions,
)
from perdure.cli._signals import Stop
from perdure.config import LocalSettings, load_settings
from perdure.engine.connection import connect_local
from perdure.engine.local import Ports
from perdure.engine.metrics import page_url
from perdure.engine.namespaces import check_writes
from perdure.engine.review_workers import has_review
from perdure.errors import EngineError

_ALARM_INTERVAL_SECONDS = 30


async def up(
    folder: Path | None,
    ports: Mapping[str, int | None],
    *,
    no_emulator: bool,
    metrics_port: int | None = None,
) -> int:
    """Start everything, say what to type next, and stay until a signal asks to stop.

    Raises:
        PerdureError: Something could not be started, or cannot be kept running.
    """
    settings = load_settings()
    local = settings.local.model_copy(
        update={name: number for name, number in ports.items() if number is not None}
    )
    with_emulator = needs_emulator(settings.github) and not no_emulator
    options = _options(folder or local.folder, local, with_emulator=with_emulator)
    setup = LocalSetup(replace(options, metrics_port=metrics_port), settings, report=_say)
    with Stop() as stop:
        if not await _start(setup, stop):
            return 0
        try:
            _write_record(setup)
            typer.echo("\n".join(_table(setup)))
            _say("\n".join(_what_next(setup)))
            await _stay(setup, stop)
        finally:
            await setup.stop()
            _record_path(setup).unlink(missing_ok=True)
    _say("stopped; `perdure up` goes on with what was running")
    return 0


async def _start(setup: LocalSetup, stop: Stop) -> bool:
    """Start everything, unless a signal asks to stop before that is done."""
    starting = asyncio.create_task(setup.start())
    asked = asyncio.create_task(stop.event.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return False
        await starting
        return True
    finally:
        asked.cancel()


async def _stay(setup: LocalSetup, stop: Stop) -> None:
    asked = asyncio.create_task(stop.event.wait())
    gave_up = asyncio.create_task(setup.gives_up())
    alarm = asyncio.create_task(_alarm(setup.server.address))
    try:
        while not asked.done() and not gave_up.done():
            await asyncio.wait({asked, gave_up}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            # A process that was started again has another id.
            _write_record(setup)
        if gave_up.done():
            raise await gave_up
    finally:
        asked.cancel()
        gave_up.cancel()
        alarm.cancel()


async def _alarm(address: str) -> None:
    """Say when the server cannot write any more, and when it can again."""
    trouble = ""
    while True:
        await asyncio.sleep(_ALARM_INTERVAL_SECONDS)
        try:
            await check_writes(await connect_local(address))
        except EngineError as error:
            if not trouble:
                _errors.show_error(str(error), hint=error.hint)
            trouble = str(error)
        else:
            if trouble:
                _say("Temporal writes again")
            trouble = ""


def _options(folder: Path, local: LocalSettings, *, with_emulator: bool) -> SetupOptions:
    return SetupOptions(
        folder=folder,
        ports=Ports(grpc=local.port or None, ui=local.ui_port or None),
        emulator_port=local.emulator_port or None,
        with_emulator=with_emulator,
        with_review=has_review(),
    )


def _record_path(setup: LocalSetup) -> Path:
    return setup.folder / RECORD_NAME


def _write_record(setup: LocalSetup) -> None:
    record = {
        "pid": os.getpid(),
        "pids": setup.pids,
        "temporal": {"address": setup.server.address, "ui_url": setup.server.ui_url, "namespace": "default"},
        "github": {"url": setup.github_url, "emulated": setup.options.with_emulator},
        "metrics": {name: page_url(address) for name, address in setup.metrics.items()},
        "folder": str(setup.folder),
    }
    path = _record_path(setup)
    text = json.dumps(record, indent=2) + "\n"
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _table(setup: LocalSetup) -> list[str]:
    emulated = f" (emulated; repositories in {_shown(setup.github_folder)})" if setup.emulator else ""
    logs = ", ".join(sorted(path.name for path in setup.folder.glob("*.log")))
    rows = {
        "temporal": setup.server.address,
        "web ui": setup.server.ui_url,
        "github": f"{setup.github_url}{emulated}",
        **({"metrics": ", ".join(map(page_url, setup.metrics.values()))} if setup.metrics else {}),
        "data": str(_shown(setup.folder)),
        "logs": f"{logs} in {_shown(setup.folder)}",
        "processes": ", ".join(f"{name} {pid}" for name, pid in setup.pids.items()),
    }
    return [f"{name:10} {text}" for name, text in rows.items()]


def _what_next(setup: LocalSetup) -> list[str]:
    address = "" if setup.server.port == LocalSettings().port else f" --address {setup.server.address}"
    repository, file = (
        (EXAMPLE_REPOSITORY, EXAMPLE_WORKFLOW_FILE) if setup.emulator else ("OWNER/REPO", "WORKFLOW.yml")
    )
    inputs = " -f wait_time=10 -f message=Hello" if setup.emulator else " -f KEY=VALUE"
    return [
        "",
        "now, in another terminal:",
        f"  perdure action run {repository} {file}{inputs}{address}",
        *(_release(address) if setup.emulator else ()),
        f"  perdure run list{address}",
        "Ctrl-C stops everything.",
    ]


def _release(address: str) -> list[str]:
    """Return how the example's pipeline is run, and approved by two people."""
    approval = "approval/pipeline/release/first/approve"
    return [
        f"  perdure pipeline run {RELEASE_FILE} -f version=v1.2.3 --id first{address}",
        *(f"  perdure approval approve {approval} --as {who}{address}" for who in ("alice", "bob")),
    ]


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(message: str) -> None:
    _errors.say(message)
