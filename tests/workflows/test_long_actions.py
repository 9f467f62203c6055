"""Actions that take days, hear thousands of signals, or are sent what nobody should send them."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.client import (
    Client,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from perdure.engine.local import temporal_binary
from perdure.errors import ActionCancelledError, ActionTimedOutError
from perdure.model.actions import ActionRetry
from perdure.model.progress import Stage
from perdure.model.watching import watcher_id

FLAKY = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
run-name: flaky [${{ inputs.dispatch_id }}]
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps:
      - run: test "$ATTEMPT" -ge 2 || { sleep 8; exit 1; }
        env: {ATTEMPT: '${{ github.run_attempt }}'}
"""
_TIMERS = 'history.timerProcessorMaxTimeShift="20ms"'


def server_options(*dynamic_config):
    flags = ["--log-level", "error"]
    for value in (_TIMERS, *dynamic_config):
        flags += ["--dynamic-config-value", value]
    return {
        "dev_server_existing_path": str(temporal_binary()),
        "dev_server_extra_args": flags,
        "data_converter": pydantic_data_converter,
    }


async def stands_at(handle, stage):
    async with asyncio.timeout(20):
        while (await handle.progress()).stage is not stage:
            await asyncio.sleep(0.05)


async def result_of(handle):
    async with asyncio.timeout(40):
        return await handle.result()


class TestWithShortHistories:
    """The server suggests to continue as new after 40 events instead of 4,096."""

    @pytest.fixture
    async def temporal_client(self):
        limit = "limit.historyCount.suggestContinueAsNew=40"
        async with await WorkflowEnvironment.start_local(**server_options(limit)) as environment:
            yield environment.client

    async def runs_of(self, house, handle):
        """Return how many runs of the workflow there were."""
        count = 1
        first = house.client.get_workflow_handle(handle.id)
        history = await first.fetch_history()
        while before := history.events[
            0
        ].workflow_execution_started_event_attributes.continued_execution_run_id:
            count += 1
            history = await house.client.get_workflow_handle(handle.id, run_id=before).fetch_history()
        return count

    async def hear_much(self, house, handle, count=60):
        """Send news that are none, and return once they were read."""
        temporal = house.client.get_workflow_handle(handle.id)
        known = (await handle.progress()).actions_run
        for _ in range(count // 10):
            await asyncio.gather(*(temporal.signal("actions_run_changed", known) for _ in range(10)))
        await handle.progress()

    async def test_a_history_that_is_cut_loses_nothing(self, house):
        """Dispatch id, inputs, notes and the run itself are carried over: one dispatch, one run."""
        handle = await house.start(inputs={"wait_time": "8", "message": "long"})
        await stands_at(handle, Stage.RUNNING)
        before = await handle.progress()
        await self.hear_much(house, handle)
        result = await result_of(handle)
        after = await handle.progress()
        assert await self.runs_of(house, handle) > 1
        assert result.outputs == {"message": "long"}
        assert result.dispatch_id == before.dispatch_id
        assert after.notes[: len(before.notes)] == before.notes
        assert (after.inputs, after.attempts) == (before.inputs, 1)
        assert house.emulator.requests.count("POST", "/dispatches") == 1

    async def test_attempts_are_counted_across_the_cut(self, house):
        """A retry policy is not begun anew."""
        house.add("acme/flaky", flaky=FLAKY)
        retry = ActionRetry(attempts=2, delay=timedelta(0))
        handle = await house.start("flaky.yml", repository="acme/flaky", retry=retry)
        await stands_at(handle, Stage.RUNNING)
        await self.hear_much(house, handle)
        result = await result_of(handle)
        assert await self.runs_of(house, handle) > 1
        assert (result.attempts, result.actions_run_attempt) == (2, 2)

    async def test_a_cancellation_after_the_cut_reaches_github(self, house):
        """The new run of the workflow still knows what to cancel."""
        handle = await house.start(inputs={"wait_time": "60"})
        await stands_at(handle, Stage.RUNNING)
        await self.hear_much(house, handle)
        assert await self.runs_of(house, handle) > 1
        await handle.cancel()
        with pytest.raises(ActionCancelledError):
            await result_of(handle)
        assert house.emulator.runs[0].conclusion == "cancelled"

    async def test_a_watcher_hands_its_watches_to_itself(self, house):
        """Many waiters grow its history too; none of them is forgotten."""
        handles = [await house.start(inputs={"wait_time": "2"}) for _ in range(15)]
        results = await asyncio.gather(*(result_of(handle) for handle in handles))
        assert {result.conclusion for result in results} == {"success"}


class TestWithSkippedTime:
    """Days pass in milliseconds, by the server's own time skipping."""

    @pytest.fixture
    async def temporal_client(self):
        enabled = "frontend.WorkflowTimeSkippingEnabled=true"
        async with await WorkflowEnvironment.start_time_skipping_v2(**server_options(enabled)) as environment:
            yield environment.client

    async def test_a_run_may_wait_for_a_runner_for_more_than_a_day(self, house):
        """Nobody gives up before the limit, and the run is read every half hour and not more often."""
        house.emulator.faults.next_run("never_starts")
        handle = await house.start(queue_timeout=timedelta(hours=30))
        with pytest.raises(ActionTimedOutError, match="within 1 day, 6:00:00"):
            await result_of(handle)
        [actions_run] = house.emulator.runs
        assert actions_run.conclusion == "cancelled"
        assert house.emulator.requests.count("POST", "/dispatches") == 1
        assert 50 < house.emulator.requests.count("GET", f"/actions/runs/{actions_run.id}") < 100


_LEAF = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
_JSON = _LEAF | st.lists(_LEAF, max_size=3) | st.dictionaries(st.text(max_size=5), _LEAF, max_size=3)
_ODD = _JSON | st.sampled_from(["x" * 50_000, 2**63, -1, "acme/tools", "completed", "in_progress"])
_RUN = {
    "repository": "acme/tools",
    "actions_run_id": 1,
    "status": "in_progress",
    "html_url": "http://localhost/1",
}
_DECISION = {"decision": "redispatch", "by": "somebody"}
_WATCH = {"workflow_id": "nobody", "actions_run_id": 1}


def _nearly(valid):
    fields = st.sampled_from([*valid, "actions_run_attempt", "conclusion", "head_sha", "updated_at", "extra"])
    return st.dictionaries(fields, _ODD, max_size=2).map(lambda changes: {**valid, **changes})


def _arguments(valid):
    return st.lists(_JSON | _nearly(valid) | st.binary(max_size=20), max_size=3)


_TO_ACTION = st.one_of(
    st.tuples(st.sampled_from(["actions_run_changed", "earlier_run_found", "no_such"]), _arguments(_RUN)),
    st.tuples(st.just("decide_held_dispatch"), _arguments(_DECISION)),
)
_TO_WATCHER = st.tuples(st.sampled_from(["watch", "no_such"]), _arguments(_WATCH))
_POISON = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class TestPoison:
    """Whatever is sent, a workflow goes on, or ends with an error: it is never stuck."""

    @pytest.fixture
    async def stranger(self, temporal_server) -> Client:
        return await Client.connect(temporal_server.address)

    @pytest.mark.parametrize(
        "told", [{"actions_run_attempt": 99}, {"html_url": "x" * 500_000}, {"status": "y" * 500_000}]
    )
    async def test_news_that_cannot_be_true_are_read_at_github(self, house, told):
        """An attempt that does not exist, or a text without end, does not hide what comes later."""
        handle = await house.start(inputs={"wait_time": "2"})
        await stands_at(handle, Stage.RUNNING)
        known = (await handle.progress()).actions_run
        temporal = house.client.get_workflow_handle(handle.id)
        await temporal.signal("actions_run_changed", known.model_copy(update=told))
        result = await result_of(handle)
        assert (result.conclusion, result.html_url) == ("success", known.html_url)

    @pytest.mark.parametrize(
        "odd", [{"actions_run_id": 2**63}, {"actions_run_id": -1}, {"repository": "acme/others"}]
    )
    async def test_an_earlier_run_that_cannot_be_is_not_followed(self, house, stranger, odd):
        """An id that fits nowhere, or a run of another repository."""
        handle = await house.start(inputs={"wait_time": "1"})
        await stands_at(handle, Stage.RUNNING)
        await stranger.get_workflow_handle(handle.id).signal("earlier_run_found", {**_RUN, **odd})
        assert (await result_of(handle)).actions_run_id == house.emulator.runs[0].id

    @_POISON
    @given(messages=st.lists(_TO_ACTION, min_size=8, max_size=15))
    async def test_an_action_takes_any_message(self, house, stranger, messages):
        """Signals and updates of any shape, any number of arguments, any name."""
        handle = await house.start(inputs={"wait_time": "100"})
        await stands_at(handle, Stage.RUNNING)
        temporal = stranger.get_workflow_handle(handle.id)
        for name, arguments in messages:
            if name == "decide_held_dispatch":
                with pytest.raises(WorkflowUpdateFailedError):
                    await temporal.execute_update(name, args=arguments, rpc_timeout=timedelta(seconds=5))
            else:
                await temporal.signal(name, args=arguments)
        async with asyncio.timeout(10):
            await handle.progress()
            await handle.cancel()
            with pytest.raises(Exception, match=r"."):
                await handle.result()

    @_POISON
    @given(messages=st.lists(_TO_WATCHER, min_size=8, max_size=15), after=_JSON)
    async def test_a_watcher_takes_any_message(self, house, stranger, messages, after):
        """Whoever waits is still told."""
        handle = await house.start(inputs={"wait_time": "0.5"})
        await stands_at(handle, Stage.RUNNING)
        temporal = stranger.get_workflow_handle(watcher_id("acme/tools", house.task_queue))
        for name, arguments in messages:
            await temporal.signal(name, args=arguments)
        with suppress(WorkflowQueryFailedError):
            await temporal.query("watches", after, rpc_timeout=timedelta(seconds=5))
        assert (await result_of(handle)).conclusion == "success"
