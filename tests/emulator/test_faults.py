"""Faults on demand: broken answers over a real connection, and odd runs."""

import asyncio

import httpx2
import pytest

from emulator.waiting import until
from emulator.workflow_texts import REPOSITORY

DISPATCH = f"/repos/{REPOSITORY}/actions/workflows/echo.yml/dispatches"
RUNS = f"/repos/{REPOSITORY}/actions/runs"
# Only reading is hurried: a busy machine may take its time to connect.
IMPATIENT = httpx2.Timeout(20.0, read=0.2)
BODY = {"ref": "main", "inputs": {"message": "hello"}}


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_lost_answer_really_closes_the_connection(served, served_client, after_effect):
    """A drop looks like a connection that went away, with or without the run having been started."""
    served.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=after_effect)
    with pytest.raises(httpx2.TransportError):
        await served_client.post(DISPATCH, json=BODY)
    again = await served_client.post(DISPATCH, json=BODY)

    assert again.status_code == 200
    assert len(served.runs) == (2 if after_effect else 1)
    assert served.faults.struck == {"drop": 1}


async def test_a_hang_answers_nothing(served, served_client):
    """A hanging request ends by the client's own time-out."""
    served.faults.fail_next("GET", RUNS, kind="hang")
    with pytest.raises(httpx2.ReadTimeout):
        await served_client.get(RUNS, timeout=IMPATIENT)


@pytest.mark.parametrize(
    ("kind", "status", "begins"),
    [("status", 502, '{"message":'), ("html", 502, "<!DOCTYPE html>"), ("empty", 200, "")],
)
async def test_wrong_answers_arrive_as_told(served_client, served, kind, status, begins):
    """A 5xx, a page in place of JSON and an empty body come as answers."""
    served.faults.fail_next("GET", RUNS, kind=kind)
    answer = await served_client.get(RUNS)

    assert answer.status_code == status
    assert answer.text.startswith(begins)
    assert bool(answer.text) == bool(begins)
    assert (await served_client.get(RUNS)).status_code == 200


async def test_a_truncated_answer_breaks_off(served, served_client):
    """An answer that promises more than it sends is an error of the connection."""
    served.faults.fail_next("GET", RUNS, kind="truncated")
    with pytest.raises(httpx2.RemoteProtocolError):
        await served_client.get(RUNS)


async def test_a_trickle_is_slow_and_whole(served, served_client):
    """A slow answer arrives byte by byte."""
    served.faults.fail_next("GET", RUNS, kind="trickle", status=200, body="[1, 2]", delay=0.01)
    answer = await served_client.get(RUNS)

    assert answer.json() == [1, 2]
    assert answer.elapsed.total_seconds() > 0.05


async def test_a_delayed_answer_is_the_right_one(served, served_client):
    """A late answer is otherwise as it should be."""
    served.faults.fail_next("GET", RUNS, kind="delay", delay=0.05)
    answer = await served_client.get(RUNS)

    assert answer.json()["total_count"] == 0
    assert answer.elapsed.total_seconds() > 0.04


async def test_a_huge_answer_is_huge(served, served_client):
    """A body of many megabytes arrives where a small one was expected."""
    served.faults.fail_next("GET", RUNS, kind="huge", status=200)
    async with served_client.stream("GET", RUNS) as answer:
        assert int(answer.headers["content-length"]) > 30_000_000


async def test_what_has_arrived_has_its_effect_although_nobody_waits(served, served_client):
    """A client that gives up, or dies, does not take its request back."""
    served.faults.fail_next("POST", "/dispatches", kind="delay", delay=0.5)
    with pytest.raises(httpx2.ReadTimeout):
        await served_client.post(DISPATCH, json=BODY, timeout=IMPATIENT)
    await until(lambda: len(served.runs) == 1)


async def test_a_secondary_limit_may_keep_its_delay_to_itself(served, served_client):
    """The secondary limit is 403 in GitHub's words, with ``retry-after`` only where it is asked for."""
    served.faults.fail_next("POST", "/dispatches", kind="secondary_limit")
    served.faults.fail_next(
        "POST", "/dispatches", kind="secondary_limit", headers={"retry-after": "60"}, status=429
    )
    silent = await served_client.post(DISPATCH, json=BODY)
    told = await served_client.post(DISPATCH, json=BODY)

    assert silent.status_code == 403
    assert "retry-after" not in silent.headers
    assert "secondary rate limit" in silent.json()["message"]
    assert (told.status_code, told.headers["retry-after"]) == (429, "60")


async def test_faults_are_also_set_over_http(served, served_client):
    """Tests in another process set faults, count requests and see all runs with their inputs."""
    fault = {"method": "POST", "path_part": "/dispatches", "after_effect": True, "times": 2}
    assert (await served_client.post("/_emulator/faults", json=fault)).status_code == 201
    lost = [(await served_client.post(DISPATCH, json=BODY)).status_code for _ in range(3)]
    counts = (await served_client.get("/_emulator/requests")).json()["counts"]
    runs = (await served_client.get("/_emulator/runs")).json()
    refused = await served_client.post("/_emulator/faults", json={"method": "GET"})

    assert lost == [502, 502, 200]
    assert counts == {"POST /repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches": 3}
    assert [run["inputs"]["message"] for run in runs] == ["hello"] * 3
    assert refused.status_code == 400


async def test_in_process_a_drop_is_an_exception(client, emulator):
    """Without a connection to close, the transport raises."""
    emulator.faults.fail_next("*", RUNS, kind="drop")
    with pytest.raises(ConnectionResetError):
        await client.get(RUNS)


async def test_a_zombie_is_queued_for_ever(client, emulator):
    """It has no jobs and can be neither cancelled, run again nor deleted."""
    emulator.faults.next_run("zombie_queued")
    number = await client.dispatch()
    await emulator.idle()
    path = f"{RUNS}/{number}"
    statuses = [
        (await client.post(f"{path}/{how}")).status_code for how in ("cancel", "force-cancel", "rerun")
    ]

    assert ((await client.run(number))["status"], await client.jobs(number)) == ("queued", [])
    assert statuses == [409, 409, 403]
    assert (await client.delete(path)).status_code == 403


async def test_another_zombie_is_in_progress_with_all_jobs_done(client, emulator):
    """Its jobs complete, it does not."""
    emulator.faults.next_run("zombie_in_progress", workflow="echo")
    number = await client.dispatch()
    await emulator.idle()

    assert (await client.run(number))["status"] == "in_progress"
    assert [job["status"] for job in await client.jobs(number)] == ["completed"]


async def test_a_run_may_never_start(client, emulator):
    """Its job stays queued until someone cancels it."""
    emulator.faults.next_run("never_starts")
    number = await client.dispatch()
    await client.until(number, lambda _: emulator.jobs(emulator.runs[0]))
    (job,) = await client.jobs(number)
    await client.post(f"{RUNS}/{number}/cancel")
    run = await client.completed(number)

    assert (job["status"], job["steps"], job["runner_name"]) == ("queued", [], None)
    assert run["conclusion"] == "cancelled"


@pytest.mark.parametrize(
    ("oddity", "conclusion", "jobs"),
    [
        ("startup_failure", "startup_failure", []),
        ("superseded", "cancelled", []),
        ("never_started_cancelled", "cancelled", [("cancelled", None, [])]),
    ],
)
async def test_a_run_may_end_without_a_step(client, emulator, oddity, conclusion, jobs):
    """Such runs complete with GitHub's conclusion and no step to show for it."""
    emulator.faults.next_run(oddity)
    number = await client.dispatch()
    run = await client.completed(number)
    found = await client.jobs(number)

    assert run["conclusion"] == conclusion
    assert [(job["conclusion"], job["runner_name"], job["steps"]) for job in found] == jobs


async def test_a_client_that_goes_away_does_not_undo_its_dispatch(served, served_client):
    """A request whose client gives up after sending it has its effect all the same."""
    served.faults.fail_next("POST", "/dispatches", kind="hang", after_effect=True)
    task = asyncio.create_task(served_client.post(DISPATCH, json=BODY, timeout=IMPATIENT))
    with pytest.raises(httpx2.ReadTimeout):
        await task

    await until(lambda: len(served.runs) == 1)
