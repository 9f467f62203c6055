"""What ``perdure run watch``, ``cancel`` and ``resolve`` do once their options are read."""

import asyncio
import getpass
import re
from datetime import timedelta
from functools import partial

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_views import PipelineJsonView, PipelineOutcome, choose_pipeline_view
from perdure.cli._review_run import ReviewOutcome, choose_review_view
from perdure.cli._session import open_session
from perdure.cli._views import JsonView, choose_view
from perdure.cli._waiting import ActionOutcome, wait_for_end
from perdure.engine.actions import ActionHandle, get_action
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.reviews import ReviewHandle
from perdure.engine.runs import find_run
from perdure.engine.sights import FollowedPipeline
from perdure.errors import EngineError, UsageError
from perdure.pipeline.running import PipelineProgress

_DECISION = re.compile(r"redispatch|fail|adopt:[1-9][0-9]*")


def watch(
    run_id: str, *, timeout: timedelta | None, as_json: bool, address: str | None, namespace: str | None
) -> ExitCode:
    """Show an action, a pipeline or a review until it ends."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_run(session.client, run_id)
        page = session.temporal_url(handle.id)
        waiting = partial(wait_for_end, timeout=timeout, client=session.client)
        if isinstance(handle, ActionHandle):
            view = JsonView() if as_json else choose_view(temporal_url=page)
            return await waiting(handle, view, ActionOutcome(as_json=as_json))
        if isinstance(handle, ReviewHandle):
            outcome = ReviewOutcome(session.client, session.settings, as_json=as_json)
            ended = await waiting(handle, choose_review_view(), outcome)
            return await outcome.printed() if ended is ExitCode.SUCCESS else ended
        followed = FollowedPipeline(session.client, handle)
        pipeline_view = PipelineJsonView() if as_json else choose_pipeline_view(temporal_url=page)
        return await waiting(followed, pipeline_view, PipelineOutcome(followed, as_json=as_json))

    return asyncio.run(main())


def cancel(run_id: str, *, compensate: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Ask an action or a pipeline to end.

    Raises:
        UsageError: It has ended, or it is no pipeline and undoes nothing anyway.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_run(session.client, run_id)
        await session.require_running(handle.id)
        if isinstance(handle, PipelineHandle):
            what = await _cancel_pipeline(handle, compensate=compensate)
        elif compensate:
            await handle.cancel()
            what = f"asked {handle.id} to cancel " + (
                "what is under way" if isinstance(handle, ReviewHandle) else "its run"
            )
        else:
            msg = f"{handle.id} is no pipeline: it undoes nothing"
            raise UsageError(msg, hint=f"cancel it with: perdure run cancel {handle.id}")
        _errors.say(what)
        _errors.say(f"watch it:   perdure run watch {handle.id}")
        return ExitCode.SUCCESS

    return asyncio.run(main())


async def _cancel_pipeline(handle: PipelineHandle, *, compensate: bool) -> str:
    before = await _progress(handle)
    if not compensate:
        # First of all, and known to be there: no moment is left in which something would be undone.
        await handle.decline_compensation()
    await handle.cancel()
    if not compensate:
        more = " more" if before is not None and before.cancelled and before.compensate else ""
        return f"asked {handle.id} to cancel what runs, and to undo nothing{more}"
    if before is None or not before.cancelled:
        undoes = before is None or before.compensate
        return f"asked {handle.id} to cancel what runs" + (", and to undo what succeeded" if undoes else "")
    told = f"{handle.id} was cancelled before, and is not through with it"
    stop = f"\nto undo nothing more:   perdure run cancel {handle.id} --no-compensate"
    return f"{told}{stop if before.compensate else ''}"


async def _progress(handle: PipelineHandle) -> PipelineProgress | None:
    try:
        return await handle.progress()
    except EngineError:
        # No worker answers. The cancellation waits for one.
        return None


def resolve(action_id: str, decision: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Decide on a held dispatch.

    Raises:
        UsageError: The decision is none of the three, or the action holds no dispatch.
    """
    if not _DECISION.fullmatch(decision):
        msg = f"{decision!r} is not a decision"
        raise UsageError(msg, hint="write redispatch, fail, or adopt:RUN_ID with the number of GitHub's run")

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = get_action(session.client, action_id)
        await session.require_running(handle.id)
        await handle.resolve(decision, by=getpass.getuser())
        _errors.say(f"decided for {handle.id}: {decision}")
        return ExitCode.SUCCESS

    return asyncio.run(main())
