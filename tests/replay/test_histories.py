"""Whether workflows that began under an earlier release go on under this one."""

import asyncio
import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from perdure.plugin import PerdurePlugin
from perdure.workflows.registry import WORKFLOWS
from replay import files, persisted

PATHS = files.paths()


def replayer():
    # Dispatch ids come from the namespace too, so it has to be the recorded one.
    return Replayer(workflows=[], plugins=[PerdurePlugin()], namespace="default")


async def replayed(history):
    """Replay, and return what went wrong."""
    async with asyncio.timeout(30):
        result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


def changed(name, change):
    """Return a recorded history after a change to its events."""
    document = json.loads((files.FOLDER / f"{name}.json").read_text())
    change(document["events"])
    return WorkflowHistory.from_json("changed", json.dumps(document))


def scheduled(events, activity):
    """Find where an activity was scheduled for the first time."""
    return next(
        attributes
        for event in events
        if (attributes := event.get("activityTaskScheduledEventAttributes"))
        and attributes["activityType"]["name"] == activity
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path):
    """Whatever was running when a worker is replaced goes on under the new one."""
    assert await replayed(files.load(path)) is None


def test_every_workflow_type_has_a_recorded_history():
    """A workflow type without one could be changed without anybody noticing."""
    recorded = {files.workflow_type(files.load(path)) for path in PATHS}
    known = {workflow_type.__temporal_workflow_definition.name for workflow_type in WORKFLOWS}
    assert recorded == known


async def test_two_activities_that_change_places_are_caught():
    """The order of commands is part of what a release promises."""

    def swap(events):
        first = scheduled(events, "plan_dispatch")["activityType"]
        second = scheduled(events, "dispatch_actions_workflow")["activityType"]
        first["name"], second["name"] = second["name"], first["name"]

    failure = await replayed(changed("action-success", swap))
    assert isinstance(failure, NondeterminismError)


async def test_an_activity_that_is_no_longer_called_is_caught():
    """A step that was left out would let later answers go to the wrong question."""

    def rename(events):
        scheduled(events, "read_outputs")["activityType"]["name"] = "was_there_once"

    failure = await replayed(changed("action-success", rename))
    assert isinstance(failure, NondeterminismError)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_recorded_history_is_small_and_tells_nothing_of_its_machine(path):
    """They are committed, so they hold no host name, no path and no trace, and can be read."""
    text = path.read_text()
    assert len(text) < 80_000
    assert "stackTrace" not in text
    for event in json.loads(text)["events"]:
        for attributes in event.values():
            if isinstance(attributes, dict) and "identity" in attributes:
                assert attributes["identity"] in {files.RECORDED_AS, "history-service"}


@pytest.mark.parametrize(
    ("name", "last_event"),
    [
        ("action-success", "COMPLETED"),
        ("action-failure", "FAILED"),
        ("action-cancelled", "CANCELED"),
        ("action-continued", "CONTINUED_AS_NEW"),
        ("action-after-continuing", "COMPLETED"),
        ("pipeline-cut-1", "CONTINUED_AS_NEW"),
        ("pipeline-cut-4", "FAILED"),
        ("watcher", "COMPLETED"),
    ],
)
def test_a_recorded_history_ends_as_its_name_says(name, last_event):
    """A scene that went another way when it was recorded would protect nothing."""
    events = json.loads((files.FOLDER / f"{name}.json").read_text())["events"]
    assert events[-1]["eventType"] == f"EVENT_TYPE_WORKFLOW_EXECUTION_{last_event}"


def test_the_account_of_what_is_persisted_is_complete():
    """A field or a name that appears, or disappears, in histories is a numbered change."""
    page = persisted.PAGE.read_text()
    assert persisted.BEGIN + persisted.table() + persisted.END in page, "see docs/reference/histories.md"
