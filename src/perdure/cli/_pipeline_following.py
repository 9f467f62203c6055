"""Waits for a pipeline that a command has just started."""

from perdure.cli._action_run import Waiting, print_detached
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_views import PipelineOutcome, choose_pipeline_view
from perdure.cli._session import Session
from perdure.cli._waiting import wait_for_end
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.sights import FollowedPipeline


async def follow(session: Session, handle: PipelineHandle, waiting: Waiting) -> ExitCode:
    """Show a pipeline until it ends, and print how its jobs ended; or its id where nobody waits."""
    if waiting.detach:
        print_detached(handle, as_json=waiting.as_json)
        return ExitCode.SUCCESS
    followed = FollowedPipeline(session.client, handle)
    view = choose_pipeline_view(temporal_url=session.temporal_url(handle.id))
    outcome = PipelineOutcome(followed, as_json=waiting.as_json)
    return await wait_for_end(followed, view, outcome, timeout=waiting.timeout, client=session.client)
