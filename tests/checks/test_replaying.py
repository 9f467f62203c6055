"""Whether changed code is caught before workflows get stuck on it, and the place is named."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from perdure.checks.history_files import history_paths, read_history
from perdure.checks.named_workflows import workflows_named
from perdure.checks.replay_processes import processes_for, replay_everywhere
from perdure.checks.replaying import Outcome, replay_files
from perdure.cli import app
from perdure.errors import UsageError
from replay import files

CALLS = "workflows/_calls.py"


def recorded(name):
    """Return the events of a committed history."""
    return json.loads((files.FOLDER / f"{name}.json").read_text())["events"]


def written(folder, events, name="changed.json"):
    path = folder / name
    path.write_text(json.dumps({"events": events}))
    return path


def first(events, attributes):
    return next(event for event in events if attributes in event)


def activity(events, name):
    """Find where an activity was scheduled for the first time."""
    return next(
        event
        for event in events
        if event.get("activityTaskScheduledEventAttributes", {}).get("activityType", {}).get("name") == name
    )


def rename_activity(events):
    activity(events, "read_outputs")["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "gone"


def swap_activities(events):
    one, other = (
        activity(events, name)["activityTaskScheduledEventAttributes"]
        for name in ("plan_dispatch", "dispatch_actions_workflow")
    )
    one["activityType"], other["activityType"] = other["activityType"], one["activityType"]


def activity_for_timer(events):
    event = first(events, "timerStartedEventAttributes")
    timer = event.pop("timerStartedEventAttributes")
    event["eventType"] = "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"
    event["activityTaskScheduledEventAttributes"] = {
        "activityId": "77",
        "activityType": {"name": "gone"},
        "workflowTaskCompletedEventId": timer["workflowTaskCompletedEventId"],
    }


def end_for_activity(events):
    event = activity(events, "plan_dispatch")
    scheduled = event.pop("activityTaskScheduledEventAttributes")
    event["eventType"] = "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"
    event["workflowExecutionCompletedEventAttributes"] = {
        "workflowTaskCompletedEventId": scheduled["workflowTaskCompletedEventId"]
    }
    del events[events.index(event) + 1 :]


def head_above(line):
    """Return the head of the function that a line of code is in."""
    before = Path(line.file).read_text().splitlines()[: line.line]
    return [text for text in before if text.lstrip().startswith(("async def ", "def "))][-1]


async def replayed(*paths, **options):
    return [one async for one in replay_files(paths, **options)]


async def test_histories_of_this_code_replay():
    """What the code did itself, it does again."""
    paths = [files.FOLDER / f"{name}.json" for name in ("action-success", "pipeline", "lock", "watcher")]
    outcomes = await replayed(*paths)
    assert [one.outcome for one in outcomes] == [Outcome.REPLAYS] * 4
    assert [one.workflow_type for one in outcomes] == [
        "ActionWorkflow",
        "PipelineWorkflow",
        "LockWorkflow",
        "RepositoryWatcherWorkflow",
    ]


@pytest.mark.parametrize(
    ("name", "change", "event", "command", "function"),
    [
        (
            "action-success",
            rename_activity,
            "activity 'gone'",
            "activity 'read_outputs'",
            f"{CALLS} read_outputs",
        ),
        (
            "action-success",
            swap_activities,
            "activity 'dispatch_actions_workflow'",
            "activity 'plan_dispatch'",
            f"{CALLS} plan_dispatch",
        ),
        ("pipeline-waited", activity_for_timer, "activity 'gone'", "timer", "workflows/locking.py _wait"),
        (
            "action-success",
            end_for_activity,
            "the workflow's end 'completed'",
            "activity 'plan_dispatch'",
            f"{CALLS} plan_dispatch",
        ),
    ],
    ids=["renamed", "swapped", "replaced", "ended"],
)
async def test_the_event_and_the_line_that_differ_are_named(tmp_path, name, change, event, command, function):
    """Whoever broke it sees what the history has there, what the code does, and where."""
    events = recorded(name)
    change(events)
    [found] = await replayed(written(tmp_path, events))
    assert found.outcome is Outcome.DIVERGED
    assert (found.event, found.command) == (event, command)
    assert events[found.event_id - 1]["eventId"] == str(found.event_id)
    innermost = found.code[0]
    assert f"{innermost.file} {innermost.function}".endswith(function)
    assert not any("temporalio" in line.file or "/checks/" in line.file for line in found.code)
    assert f"def {innermost.function}(" in head_above(innermost)


PARCEL = [
    {
        "eventId": "1",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
        "workflowExecutionStartedEventAttributes": {
            "workflowType": {"name": "Parcel"},
            "taskQueue": {"name": "parcels"},
            "input": {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "ImJvb2tzIg=="}]},
            "originalExecutionRunId": "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a",
            "workflowId": "parcel/1",
        },
    },
    {
        "eventId": "2",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
        "workflowTaskScheduledEventAttributes": {"taskQueue": {"name": "parcels"}, "attempt": 1},
    },
    {
        "eventId": "3",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_STARTED",
        "workflowTaskStartedEventAttributes": {"scheduledEventId": "2"},
    },
    {
        "eventId": "4",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
        "workflowTaskCompletedEventAttributes": {"scheduledEventId": "2", "startedEventId": "3"},
    },
    {
        "eventId": "5",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
        "activityTaskScheduledEventAttributes": {
            "activityId": "1",
            "activityType": {"name": "pack"},
            "taskQueue": {"name": "parcels"},
            "workflowTaskCompletedEventId": "4",
        },
    },
]


@pytest.mark.parametrize(
    ("workflow_class", "outcome", "function"),
    [
        ("Parcel", Outcome.REPLAYS, None),
        ("ParcelThatPacksLater", Outcome.DIVERGED, "run"),
        ("ParcelThatWaits", Outcome.DIVERGED, "_until_told"),
        ("ParcelWithAMistake", Outcome.FAILED, "_weighed"),
    ],
)
async def test_workflows_of_ones_own_are_judged_too(tmp_path, workflow_class, outcome, function):
    """They are named by module and class, and their lines are found within the sandbox."""
    path = written(tmp_path, PARCEL)
    [found] = await replayed(path, workflows=workflows_named([f"checks.own_workflows:{workflow_class}"]))
    assert (found.outcome, found.workflow_id) == (outcome, "parcel/1")
    assert [line.function for line in found.code][:1] == ([function] if function else [])
    assert all(line.file.endswith("own_workflows.py") for line in found.code)


async def test_a_type_that_nobody_knows_is_named(tmp_path):
    """It is no failure of the code, and no silence either."""
    [found] = await replayed(written(tmp_path, PARCEL))
    assert found.outcome is Outcome.UNKNOWN_TYPE
    assert found.message == "no workflow type 'Parcel' is known here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{half", "is not a history"),
        ("[]", "is not a history"),
        ('{"events": [{"eventId": []}]}', "is not a history"),
        ('{"events": []}', "does not begin with the workflow's start"),
        (json.dumps({"events": PARCEL[1:]}), "does not begin with the workflow's start"),
        ("\udc80", "is not a history"),
    ],
    ids=["half", "list", "event", "empty", "headless", "bytes"],
)
async def test_a_file_that_is_no_history_is_said_to_be_none(tmp_path, text, said):
    """One bad file spoils neither the others nor the message."""
    broken = tmp_path / "broken.json"
    broken.write_bytes(text.encode(errors="surrogateescape"))
    found, good = await replayed(broken, files.FOLDER / "lock.json")
    assert (found.outcome, found.workflow_id) == (Outcome.UNREADABLE, "")
    assert said in found.message
    assert "\n" not in found.message
    assert good.outcome is Outcome.REPLAYS


async def test_a_history_with_a_hole_is_not_taken_for_the_code(tmp_path):
    """The engine's reason is passed on."""
    events = recorded("action-success")
    del events[6]
    [found] = await replayed(written(tmp_path, events))
    assert found.outcome is Outcome.FAILED
    assert "out of order" in found.message


async def test_several_processes_say_the_same_as_one(tmp_path):
    """Each history is answered for once, the bad ones too."""
    events = recorded("action-success")
    rename_activity(events)
    paths = [written(tmp_path, events), *files.paths()[:5], written(tmp_path, PARCEL, "parcel.json")]
    alone = {one.file: one for one in await replayed(*paths)}
    together = [one async for one in replay_everywhere(paths, namespace="default", processes=2)]
    assert len(together) == len(paths)
    assert {one.file: one for one in together} == alone


async def test_a_process_that_dies_is_no_success(tmp_path):
    """What it did not answer has failed."""
    (tmp_path / "deadly.py").write_text(DEADLY.format(pid=os.getpid()))
    paths = files.paths()[:2]
    found = [
        one async for one in replay_everywhere(paths, references=["deadly"], namespace="default", processes=2)
    ]
    assert [one.outcome for one in found] == [Outcome.FAILED] * 2
    assert all("ended with status 9" in one.message for one in found)


DEADLY = """
import os

from temporalio import workflow

if os.getpid() != {pid}:
    os._exit(9)

@workflow.defn
class Deadly:
    @workflow.run
    async def run(self) -> None: ...
"""


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path, monkeypatch):
    """Settings and modules are looked for in the current folder: it is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(("histories", "processes"), [(0, 1), (1, 1), (99, 1), (10_000, os.cpu_count())])
def test_processes_are_started_where_they_pay_off(histories, processes):
    """A few histories are replayed before another process has started."""
    assert processes_for(histories) == processes


def run(*arguments):
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])


def test_the_command_names_file_event_and_line(tmp_path):
    """A person sees where to look; a pipeline gets status 1."""
    events = recorded("action-success")
    rename_activity(events)
    path = written(tmp_path, events)
    answer = run("check", path, files.FOLDER / "lock.json")
    assert answer.exit_code == 1, answer.output
    for text in (
        f"diverged   {path}: ActionWorkflow recorded/action-success (run ",
        "the history has activity 'gone', the code has activity 'read_outputs'",
        "Temporal says: Activity type of scheduled event 'gone'",
        "workflows/action.py:",
        "1 of 2 histories replay, 1 would get stuck",
    ):
        assert text in answer.output


def test_json_has_a_line_for_each_history(tmp_path):
    """Programs get the same."""
    answer = run("check", files.FOLDER / "lock.json", written(tmp_path, PARCEL), "--json")
    assert answer.exit_code == 2
    found = {one["workflow_type"]: one["outcome"] for one in map(json.loads, answer.stdout.splitlines())}
    assert found == {"LockWorkflow": "replays", "Parcel": "unknown-type"}


def test_all_well_is_status_0():
    """A folder is searched for its histories."""
    answer = run("check", files.FOLDER / "lock.json")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "1 of 1 history replays" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "not clear what to replay"),
        (("check", "nowhere"), "nowhere is not there"),
        (("check", "."), "there is no history in ."),
        (("check", files.FOLDER, "--live"), "not clear what to replay"),
        (("check", files.FOLDER, "--query", "a"), "--query is about what is fetched"),
        (("check", files.FOLDER / "lock.json", "--workflows", "nowhere"), "nowhere cannot be imported"),
        (("check", files.FOLDER / "lock.json", "--workflows", "json:loads"), "json:loads is no workflow"),
        (("export", "--out", "x", "--type", "it's"), "it's is no workflow type"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_2(arguments, said):
    """Nothing is replayed in silence, and nothing ends in a traceback."""
    answer = run(*arguments)
    assert answer.exit_code == 2, answer.output
    assert said in answer.stderr
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("processes", ["1", "2"])
def test_settings_that_cannot_be_used_are_said_once(tmp_path, processes):
    """However many processes would have met them."""
    (tmp_path / "perdure.toml").write_text("[worker]\ndeployment = 'half'\n")
    answer = run("check", *files.paths()[:2], "--jobs", processes)
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.count("[worker] has a deployment without build_id") == 1
    assert "Traceback" not in answer.output


def test_a_manifest_is_no_history(tmp_path):
    """It lies beside them and says where they come from; one that is broken is not ignored."""
    (tmp_path / "manifest.json").write_text("{}")
    path = written(tmp_path, recorded("lock"), "lock.json")
    assert history_paths([tmp_path]) == [path]
    answer = run("check", tmp_path)
    assert answer.exit_code == 2
    assert "is no manifest" in answer.stderr


def test_a_history_that_the_temporal_command_printed_is_read(tmp_path):
    """Enumerations are written in another way there, and the id stands in the first event."""
    path = written(tmp_path, PARCEL, "any-name.json")
    path.write_text(path.read_text().replace("EVENT_TYPE_WORKFLOW_TASK_SCHEDULED", "WorkflowTaskScheduled"))
    history = read_history(path)
    assert (history.workflow_id, len(history.events)) == ("parcel/1", 5)


def test_a_folder_without_histories_is_refused(tmp_path):
    """Checking nothing is no success."""
    with pytest.raises(UsageError, match="there is no history"):
        history_paths([tmp_path])
