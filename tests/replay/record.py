"""Records the histories that every later release must be able to replay.

    PYTHONPATH=tests .venv/bin/python -m replay.record

Existing files are written anew: record again only before a release, or under a new name. A history that was
released is never changed, for workflows that began with it may still run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from perdure.engine.pipelines import start_pipeline
from perdure.model.action_state import HeldDecision
from perdure.model.actions import ActionRetry, OnAmbiguity, RetryBy, WaitBy
from perdure.model.progress import Stage
from perdure.model.run_github_action import KeyValue, RunGitHubActionInput
from perdure.model.watching import watcher_id
from perdure.pipeline import read_pipeline
from perdure.workflows.action import ActionWorkflow
from perdure.workflows.run_github_action import RunGitHubActionWorkflow
from replay.house import Kind, RecordingHouse, recording_house

Scene = Callable[[RecordingHouse], Awaitable[None]]


async def success(house: RecordingHouse) -> None:
    """GitHub names the run; it passes and leaves outputs."""
    await house.start("action-success", inputs={"message": "hi"})
    await house.record("action-success")


async def keyed(house: RecordingHouse) -> None:
    """A key makes it look for an earlier run first."""
    await house.start("action-keyed", key="release-1", step="publish")
    await house.record("action-keyed")


async def polled(house: RecordingHouse) -> None:
    """One activity follows the run, without the watcher."""
    await house.start("action-polled", wait=WaitBy.POLL, poll_interval=timedelta(seconds=1))
    await house.record("action-polled")


async def without_id(house: RecordingHouse) -> None:
    """The workflow file takes no dispatch id."""
    await house.start("action-without-dispatch-id", "plain.yml")
    await house.record("action-without-dispatch-id")


async def refused(house: RecordingHouse) -> None:
    """Nothing is sent that GitHub would refuse."""
    await house.start("action-refused", ref="nowhere")
    await house.record("action-refused")


async def rate_limited(house: RecordingHouse) -> None:
    """GitHub asks to be left alone for a second."""
    house.emulator.faults.fail_next(
        "POST", "/dispatches", status=429, headers={"retry-after": "1"}, body="{}"
    )
    await house.start("action-rate-limited")
    await house.record("action-rate-limited")


async def lost_answer(house: RecordingHouse) -> None:
    """GitHub's answer is lost: the run is looked for and adopted, and a guard goes on looking."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=True)
    handle = await house.start("action-lost-answer")
    await house.record("action-lost-answer")
    progress = await handle.query(ActionWorkflow.progress)
    await house.record("guard", f"guard/{progress.dispatch_id}")


async def duplicate(house: RecordingHouse) -> None:
    """Lists lag by more than the grace time: a second run is started, found and cancelled."""
    house.emulator.faults.list_lag = 3.0
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=True)
    handle = await house.start("action-duplicate", inputs={"wait_time": "8"})
    await house.record("action-duplicate")
    progress = await handle.query(ActionWorkflow.progress)
    await house.record("guard-of-a-duplicate", f"guard/{progress.dispatch_id}")
    house.emulator.faults.clear()


async def held(house: RecordingHouse) -> None:
    """A person lets a dispatch be sent again."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    handle = await house.start("action-held", on_ambiguity=OnAmbiguity.HOLD)
    await house.reaches(handle, Stage.HELD)
    await handle.execute_update(
        ActionWorkflow.decide_held_dispatch, HeldDecision(decision="redispatch", by="alice")
    )
    await house.record("action-held")


async def unresolved(house: RecordingHouse) -> None:
    """Nobody knows, and the policy says to stop."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    await house.start("action-unresolved", on_ambiguity=OnAmbiguity.FAIL)
    await house.record("action-unresolved")


async def rerun(house: RecordingHouse) -> None:
    """The first attempt fails, its failed jobs are re-run."""
    retry = ActionRetry(attempts=2, delay=timedelta(seconds=1))
    await house.start("action-rerun", inputs={"passes_at": "2"}, retry=retry)
    await house.record("action-rerun")


async def redispatched(house: RecordingHouse) -> None:
    """Both attempts fail, each a dispatch of its own."""
    retry = ActionRetry(attempts=2, delay=timedelta(seconds=1), by=RetryBy.DISPATCH)
    await house.start("action-redispatched", inputs={"passes_at": "9"}, retry=retry)
    await house.record("action-redispatched")


async def failure(house: RecordingHouse) -> None:
    """The run fails, and the error says where."""
    await house.start("action-failure", inputs={"passes_at": "2"})
    await house.record("action-failure")


async def queue_timeout(house: RecordingHouse) -> None:
    """No runner picks the run up."""
    house.emulator.faults.next_run("never_starts")
    await house.start("action-queue-timeout", queue_timeout=timedelta(seconds=1))
    await house.record("action-queue-timeout")


async def run_timeout(house: RecordingHouse) -> None:
    """The run does not end in time."""
    await house.start("action-run-timeout", inputs={"wait_time": "60"}, run_timeout=timedelta(seconds=1))
    await house.record("action-run-timeout")


async def watched(house: RecordingHouse) -> None:
    """One watcher serves several actions."""
    for number in range(3):
        await house.start(f"watched-{number}", repository="acme/watched", inputs={"wait_time": str(number)})
    await house.runs_at_github(1)
    for number in range(3):
        await house.client.get_workflow_handle(f"recorded/watched-{number}").result()
    await house.record("watcher", watcher_id("acme/watched", "perdure"))


async def run_github_action(house: RecordingHouse) -> None:
    """The workflow type for clients in any language, well and badly used."""
    wanted = {"run-github-action": "message", "run-github-action-refused": "dispatch_id"}
    for name, key in wanted.items():
        await house.client.start_workflow(
            RunGitHubActionWorkflow.run,
            RunGitHubActionInput(
                Org="acme",
                Repo="tools",
                Ref="main",
                WorkflowFile="echo.yml",
                Inputs=(KeyValue(Key=key, Value="hi"),),
            ),
            id=f"recorded/{name}",
            task_queue="perdure",
        )
        await house.record(name)


PIPELINE = """
name: recorded
steps:
  first: {action: acme/tools/echo.yml, inputs: {message: first}, outputs: {message: string}}
  pause: {needs: first, wait: 1s}
  each:
    needs: first
    action: acme/tools/echo.yml
    matrix: {n: [1, 2]}
    inputs: {message: '${{ steps.first.outputs.message }}'}
outputs: {said: '${{ steps.first.outputs.message }}'}
"""
UNDONE = """
name: undone
defaults: {adopt-window: 0s}
steps:
  publish:
    action: acme/tools/echo.yml
    inputs: {message: published}
    compensate: {action: acme/tools/echo.yml, inputs: {message: yanked}}
  smoke: {needs: publish, action: acme/tools/echo.yml, inputs: {passes_at: '9'}}
"""


async def pipelines(house: RecordingHouse) -> None:
    """One that passes, and one that undoes what it did."""
    for name, text in {"pipeline": PIPELINE, "pipeline-undone": UNDONE}.items():
        handle = await start_pipeline(house.client, read_pipeline(text), key=f"recorded-{name}")
        await house.record(name, handle.id)


async def found_by_name(house: RecordingHouse) -> None:
    """GitHub does not name the run: it is found by its run name, which carries the dispatch id."""
    await house.start("action-found-by-run-name")
    await house.record("action-found-by-run-name")


async def reconciled(house: RecordingHouse) -> None:
    """No news in time: the action reads its run itself, and asks for news again."""
    await house.start("action-reconciled", inputs={"wait_time": "4"})
    await house.record("action-reconciled")


async def continued(house: RecordingHouse) -> None:
    """The history is cut while the run goes on, and the next one finishes it."""
    handle = await house.start("action-continued", inputs={"wait_time": "1"})
    await house.record("action-continued", run_id=handle.first_execution_run_id)
    await house.record("action-after-continuing", handle.id)


HOUSES: tuple[tuple[Kind, tuple[Scene, ...]], ...] = (
    (
        Kind(),
        (
            success,
            keyed,
            polled,
            without_id,
            refused,
            rate_limited,
            lost_answer,
            duplicate,
            held,
            unresolved,
            rerun,
            redispatched,
            failure,
            queue_timeout,
            run_timeout,
            watched,
            run_github_action,
            pipelines,
        ),
    ),
    (
        Kind(
            profile="ghes-3.19",
            reconcile_interval=timedelta(seconds=1),
        ),
        (found_by_name, reconciled),
    ),
    (Kind(events_before_continuing=20), (continued,)),
)


async def main() -> None:
    """Record everything."""
    for kind, scenes in HOUSES:
        async with recording_house(kind) as house:
            for scene in scenes:
                await scene(house)


if __name__ == "__main__":
    asyncio.run(main())
