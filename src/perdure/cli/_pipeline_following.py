"""Waits for a pipeline that a command has just started."""

from perdure.cli import _errors
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
    code = await wait_for_end(followed, view, outcome, timeout=waiting.timeout, client=session.client)
    told = followed.last.progress.notifications if followed.last is not None else ()
    if untold := sum(not one.was_sent for one in told):
        failed = "a notification" if untold == 1 else f"{untold} notifications"
        _errors.show_warning(f"{failed} failed: perdure run show {handle.id} says why")
    return code
