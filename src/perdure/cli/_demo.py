"""What ``perdure demo`` does."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._demo_release import page_of, run_release
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_setup import EXAMPLE_REPOSITORY, EXAMPLE_WORKFLOW_FILE, LocalSetup, SetupOptions
from perdure.cli._signals import Stop
from perdure.cli._views import choose_view
from perdure.cli._waiting import ActionOutcome, wait_for_end
from perdure.config import Settings
from perdure.engine.actions import start_action
from perdure.engine.connection import connect_local
from perdure.engine.local import Ports
from perdure.model.actions import ActionInput

_INTERRUPTED = 130


async def demo(inputs: Mapping[str, str], *, review: bool = False, keep: bool) -> int:
    """Start everything, run the example, and stop everything.

    Raises:
        PerdureError: Something could not be started, or the action failed. The folder is then kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="perdure-demo-"))
    status: int = ExitCode.FAILED
    try:
        status = await _until_signal(_run_review(folder) if review else _run(folder, inputs))
    finally:
        if keep or status != ExitCode.SUCCESS:
            _errors.say(f"data and logs are kept in {folder}")
        else:
            shutil.rmtree(folder)
    return status


async def _until_signal(work: Coroutine[object, object, int]) -> int:
    with Stop() as stop:
        running = asyncio.create_task(work)
        asked = asyncio.create_task(stop.event.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if running.done():
            return await running
        running.cancel()
        await asyncio.wait({running})
        return _INTERRUPTED


async def _run(folder: Path, inputs: Mapping[str, str]) -> int:
    async with _setup(folder) as setup:
        code = await _run_example(setup, inputs)
        return await run_release(setup) if code is ExitCode.SUCCESS else code


async def _run_review(folder: Path) -> int:
    from perdure.cli._demo_review import run_review
    from perdure.engine.review_workers import require_review

    require_review()
    async with _setup(folder, with_review=True) as setup:
        return await run_review(setup)


@asynccontextmanager
async def _setup(folder: Path, *, with_review: bool = False) -> AsyncIterator[LocalSetup]:
    options = SetupOptions(
        folder=folder,
        ports=Ports(),
        emulator_port=None,
        with_emulator=True,
        isolated=True,
        with_review=with_review,
    )
    setup = LocalSetup(options, Settings(), report=_errors.say)
    _errors.say("starting a Temporal server, an emulated GitHub and a worker")
    await setup.start()
    try:
        _errors.say(f"Temporal {setup.server.address}, its web UI {setup.server.ui_url}")
        _errors.say(f"GitHub   {setup.github_url}")
        yield setup
    finally:
        await setup.stop()
        _errors.say("stopped everything; `perdure up` starts the same and stays")


async def _run_example(setup: LocalSetup, inputs: Mapping[str, str]) -> ExitCode:
    client = await connect_local(setup.server.address)
    asked = ActionInput(
        repository=EXAMPLE_REPOSITORY, workflow_file=EXAMPLE_WORKFLOW_FILE, ref="main", inputs=dict(inputs)
    )
    handle = await start_action(client, asked)
    page = page_of(setup, handle.id)
    _errors.say(f"started {handle.id}: {page}")
    view, outcome = choose_view(temporal_url=page), ActionOutcome(as_json=False)
    code = await wait_for_end(handle, view, outcome, timeout=None)
    if code is ExitCode.SUCCESS:
        typer.echo(f"status: {(await handle.result()).status}")
        typer.echo(f"temporal: {page}")
    return code
