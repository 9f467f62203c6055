"""Concurrency groups across runs."""

from emulator.workflow_texts import REPOSITORY

RUNS = f"/repos/{REPOSITORY}/actions/runs"


async def test_the_second_waits_and_the_third_supersedes_it(client, emulator):
    """In a group one run goes on, one is pending, and a newer one takes the pending one's place."""
    first = await client.dispatch("slow.yml")
    await client.in_step(first)
    second = await client.dispatch("slow.yml")
    waiting = await client.run(second)
    third = await client.dispatch("slow.yml")
    superseded = await client.run(second)

    assert (waiting["status"], await client.jobs(second)) == ("pending", [])
    assert (superseded["status"], superseded["conclusion"]) == ("completed", "cancelled")
    assert (await client.run(first))["status"] == "in_progress"

    await client.post(f"{RUNS}/{first}/force-cancel")
    await client.in_step(third)
    await client.post(f"{RUNS}/{third}/force-cancel")
    await emulator.idle()


async def test_a_rerun_that_waits_for_its_turn_still_runs_only_what_failed(client, emulator):
    """A re-run of failed jobs that is held back keeps what succeeded when its turn comes."""
    number = await client.dispatch("grouped.yml")
    await emulator.idle()
    before = {job["name"]: job["completed_at"] for job in await client.jobs(number)}
    slow = await client.dispatch("slow.yml")
    await client.in_step(slow)
    await client.post(f"{RUNS}/{number}/rerun-failed-jobs")
    held = (await client.run(number))["status"]
    await client.post(f"{RUNS}/{slow}/force-cancel")
    await emulator.idle()
    jobs = await client.jobs(number)

    assert held == "pending"
    assert (await client.run(number))["conclusion"] == "success"
    assert sorted(job["name"] for job in jobs) == ["after", "bad", "good"]
    assert {job["name"]: job["completed_at"] for job in jobs}["good"] == before["good"]


async def test_a_queue_supersedes_nobody(client, emulator):
    """With ``queue: max`` those that wait keep their place, and take their turns in order."""
    numbers = [await client.dispatch("queued.yml") for _ in range(4)]
    waiting = [(await client.run(number))["status"] for number in numbers[1:]]
    await emulator.idle()
    ended = [run.current.updated_at for run in emulator.runs]

    assert waiting == ["pending"] * 3
    assert {run.conclusion for run in emulator.runs} == {"success"}
    assert ended == sorted(ended)


async def test_cancel_in_progress_ends_the_one_before(client, emulator):
    """With ``cancel-in-progress`` the newer run replaces the one that runs."""
    first = await client.dispatch("replacing.yml")
    await client.in_step(first)
    second = await client.dispatch("replacing.yml")
    await client.in_step(second)

    assert (await client.run(first))["conclusion"] == "cancelled"
    await client.post(f"{RUNS}/{second}/force-cancel")
    await emulator.idle()
