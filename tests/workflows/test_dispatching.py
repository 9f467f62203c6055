"""What becomes of a dispatch when GitHub's answer does not come as it should."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from perdure.errors import DispatchUnresolvedError, UsageError
from perdure.model.actions import OnAmbiguity
from perdure.model.progress import NoteKind, Stage

STEP_NAME_ONLY = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - name: Dispatch ${{ inputs.dispatch_id }}
        run: sleep 1
"""
WITHOUT_ID = """
on: workflow_dispatch
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
"""


async def stage(handle, wanted):
    async with asyncio.timeout(30):
        async for progress in handle.watch():
            if progress.stage is wanted:
                return progress
    raise AssertionError(wanted)


def kinds(progress):
    return [note.kind for note in progress.notes]


@pytest.mark.parametrize(
    "kind",
    # The client gives an answer half a minute.
    ["drop", pytest.param("hang", marks=pytest.mark.faults), "status", "empty", "html", "truncated"],
)
async def test_a_lost_answer_never_dispatches_twice(house, kind):
    """GitHub took the dispatch, its answer is lost: the run is found and adopted."""
    delay = 60.0 if kind == "hang" else 0.0
    house.emulator.faults.fail_next("POST", "/dispatches", kind=kind, after_effect=True, delay=delay)
    handle = await house.start()
    result = await handle.result()
    assert result.conclusion == "success"
    assert house.emulator.requests.count("POST", "/dispatches") == 1
    assert len(house.emulator.runs) == 1
    assert NoteKind.RECONCILE in kinds(await handle.progress())


async def test_an_answer_lost_again_when_it_is_repeated(house):
    """Nothing was started the first time, the repetition's answer is lost as well: one run."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=True)
    handle = await house.start()
    assert (await handle.result()).conclusion == "success"
    assert len(house.emulator.runs) == 1
    assert house.emulator.requests.count("POST", "/dispatches") == 2


@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {"x-ratelimit-remaining": "0"}])
async def test_a_rate_limited_dispatch_waits_and_keeps_its_id(house, headers, monkeypatch):
    """403 and 429 with a delay mean that nothing was started."""
    if "retry-after" not in headers:
        pytest.skip("waits for the full hour's reset; covered by the client's tests")
    house.emulator.faults.fail_next("POST", "/dispatches", status=429, headers=headers, body="{}")
    handle = await house.start()
    assert (await handle.result()).conclusion == "success"
    assert len(house.emulator.runs) == 1


async def test_hold_asks_a_person_who_lets_it_be_sent_again(house):
    """With ``hold`` nothing is repeated until somebody decides."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    handle = await house.start(on_ambiguity=OnAmbiguity.HOLD)
    held = await stage(handle, Stage.HELD)
    assert held.waiting_on == "person"
    assert house.emulator.requests.count("POST", "/dispatches") == 1
    with pytest.raises(UsageError, match="decide one of"):
        await handle.resolve("whatever")
    await handle.resolve("redispatch", by="alice")
    assert (await handle.result()).conclusion == "success"
    assert "alice decided: redispatch" in [note.text for note in (await handle.progress()).notes]
    with pytest.raises(UsageError, match="has ended"):
        await handle.resolve("fail")


async def test_fail_gives_up_and_says_where_to_look(house):
    """With ``fail`` an answer that nobody knows is an error."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    handle = await house.start(on_ambiguity=OnAmbiguity.FAIL)
    with pytest.raises(DispatchUnresolvedError) as caught:
        await handle.result()
    assert "Actions page" in caught.value.hint
    assert house.emulator.runs == []


async def test_a_file_without_the_input_is_dispatched_without_it(house):
    """With a warning, and never repeated alone when the answer is lost."""
    house.add("acme/plain", plain=WITHOUT_ID)
    result = await (await house.start("plain.yml", repository="acme/plain")).result()
    assert result.conclusion == "success"
    assert "takes no dispatch_id input" in result.warnings[0]
    house.emulator.faults.fail_next("POST", "/acme/plain/", kind="drop")
    handle = await house.start("plain.yml", repository="acme/plain")
    await stage(handle, Stage.HELD)
    await handle.resolve("fail")
    with pytest.raises(DispatchUnresolvedError):
        await handle.result()


async def test_a_second_run_is_cancelled_and_recorded(house):
    """Where two runs carry the id, the first is kept and followed, and the result says so."""
    house.emulator.faults.list_lag = 5.0
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=True)
    # The list lags by more than the grace time: the only case in which a second run is started.
    handle = await house.start(inputs={"wait_time": "12"})
    result = await handle.result()
    first, second = house.emulator.runs
    assert first.title == second.title
    assert (first.conclusion, second.conclusion) == ("success", "cancelled")
    assert result.actions_run_id == first.id
    assert any("duplicate" in warning for warning in result.warnings)


class TestWithoutRunId:
    """A host that does not say which run it started: GitHub Enterprise Server up to 3.20."""

    @pytest.fixture
    def emulator_settings(self, emulator_settings):
        from dataclasses import replace

        return replace(emulator_settings, profile="ghes-3.19")

    async def test_the_run_is_found_by_its_name(self, house):
        """One list call tells, as soon as lists show it."""
        house.emulator.faults.list_lag = 1.0
        result = await (await house.start()).result()
        assert result.conclusion == "success"
        assert result.actions_run_id == house.emulator.runs[0].id

    async def test_the_run_is_found_by_a_step_name_alone(self, house):
        """Where the file shows the id in a step only."""
        house.add("acme/step", step=STEP_NAME_ONLY)
        result = await (await house.start("step.yml", repository="acme/step")).result()
        assert result.actions_run_id == house.emulator.runs[0].id

    async def test_of_two_unmarked_runs_none_is_guessed(self, house):
        """A person is asked instead, and may name the run."""
        house.add("acme/plain", plain=WITHOUT_ID)
        before = await (await house.start("plain.yml", repository="acme/plain")).result()
        handle = await house.start("plain.yml", repository="acme/plain")
        async with asyncio.timeout(20):
            while len(house.emulator.runs) < 2:
                await asyncio.sleep(0.01)
        ours = house.emulator.runs[1].id
        async with httpx2.AsyncClient(base_url=house.emulator.api_url) as person:
            path = "/repos/acme/plain/actions/workflows/plain.yml/dispatches"
            headers = {"authorization": "Bearer a-person"}
            assert (await person.post(path, json={"ref": "main"}, headers=headers)).status_code == 204
        await stage(handle, Stage.HELD)
        await handle.resolve(f"adopt:{ours}")
        assert (await handle.result()).actions_run_id == ours != before.actions_run_id


async def test_cancelled_while_held_dispatches_nothing_more(house):
    """A cancellation ends the question."""
    house.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    handle = await house.start(on_ambiguity=OnAmbiguity.HOLD, queue_timeout=timedelta(minutes=1))
    await stage(handle, Stage.HELD)
    await handle.cancel()
    with pytest.raises(DispatchUnresolvedError):
        await handle.result()
    assert house.emulator.runs == []
