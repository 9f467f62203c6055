"""The demo's second half: a release across three repositories, with two people who approve it."""

import asyncio
from datetime import timedelta

import typer
from temporalio.client import Client

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_setup import RELEASE_FILE, LocalSetup, release_example
from perdure.cli._pipeline_views import PipelineOutcome, choose_pipeline_view
from perdure.cli._run_graph import step_states
from perdure.cli._views import View
from perdure.cli._waiting import wait_for_end
from perdure.config import LocalSettings, Settings
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.connection import connect_local
from perdure.engine.pages import temporal_url
from perdure.engine.pipelines import start_pipeline
from perdure.engine.sights import FollowedPipeline, PipelineSight
from perdure.errors import ApprovalNotKnownError
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import Person, Verdict
from perdure.pipeline import compile_pipeline, mermaid, read_pipeline

# Nobody may approve what they started, so it is neither of the two.
_REQUESTER = Person(login="carol")
_APPROVERS = {"alice": "the notes are complete", "bob": "tried it"}
_INPUTS = {"version": "v1.2.3"}
_LOOK_SECONDS = 0.2
_TIMEOUT = timedelta(minutes=2)


async def run_release(setup: LocalSetup) -> ExitCode:
    """Run the release with two approvals, and show its graph.

    Raises:
        PerdureError: The release failed.
    """
    client = await connect_local(setup.server.address)
    file = read_pipeline(release_example(), RELEASE_FILE)
    _errors.say()
    _errors.say(f"a release across three repositories: {RELEASE_FILE}")
    handle = await start_pipeline(client, file, _INPUTS, requester=_REQUESTER)
    page = page_of(setup, handle.id)
    _errors.say(f"started {handle.id} as {_REQUESTER.login}: {page}")
    followed = FollowedPipeline(client, handle)
    view = choose_pipeline_view(temporal_url=page)
    approving = asyncio.create_task(_approve(client, f"{handle.id}/approve", view))
    try:
        outcome = PipelineOutcome(followed, as_json=False)
        code = await wait_for_end(followed, view, outcome, timeout=_TIMEOUT)
    finally:
        approving.cancel()
        await asyncio.wait({approving})
    if code is ExitCode.SUCCESS:
        typer.echo("graph, in Mermaid:")
        typer.echo(mermaid(compile_pipeline(file, _INPUTS), step_states(await handle.progress())), nl=False)
        typer.echo(f"temporal: {page}")
    return code


def page_of(setup: LocalSetup, workflow_id: str) -> str | None:
    """Return a workflow's page in the web UI of the demo's own server."""
    settings = Settings(local=LocalSettings(port=setup.server.port, ui_port=setup.server.ui_port))
    return temporal_url(setup.server.address, "default", workflow_id, settings=settings)


async def _approve(client: Client, id: str, view: View[PipelineSight]) -> None:
    """Do what two people would with ``perdure approval approve``."""
    approval = get_approval(client, id)
    for login, comment in _APPROVERS.items():
        asked = await when_asked(client, id)
        await approval.decide(local_decision(asked, login, Verdict.APPROVED, comment=comment))
        view.say(f"perdure approval approve {approval.id} --as {login} --comment '{comment}'")


async def when_asked(client: Client, id: str) -> ApprovalProgress:
    """Return where an approval stands once people are waited for."""
    while True:
        try:
            progress = await get_approval(client, id).progress()
        except ApprovalNotKnownError:
            progress = None
        if progress is not None and progress.waiting_on:
            return progress
        await asyncio.sleep(_LOOK_SECONDS)
