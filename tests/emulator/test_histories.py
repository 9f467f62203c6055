"""Whatever is asked of runs, in whatever order and across restarts, their records stay consistent."""

import asyncio
import random

import pytest

from emulator.waiting import until
from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator

ACTIONS = f"/repos/{REPOSITORY}/actions"
FILES = ("echo.yml", "flaky.yml", "slow.yml", "replacing.yml", "queued.yml", "grouped.yml")
CHANGES = ("cancel", "force-cancel", "rerun", "rerun-failed-jobs")


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_history_leaves_every_run_and_job_with_an_end(root, connect, seed):
    """Dispatches, cancellations, re-runs and restarts leave no job without an end, no group with two runs."""
    chance = random.Random(seed)
    for _ in range(3):
        async with GitHubEmulator(root, seed=seed) as emulator, connect(emulator) as client:
            for _ in range(20):
                await _change_something(client, emulator, chance)
                await asyncio.sleep(chance.random() * 0.03)
                _check_groups(emulator.runs)

    async with GitHubEmulator(root) as emulator:
        await until(lambda: _end_endless_ones(emulator), seconds=60)
        await emulator.idle()
        for run in emulator.runs:
            for attempt in run.attempts:
                _check_attempt(attempt, emulator.services.state.jobs_of(run.id, attempt.number))


async def _change_something(client, emulator, chance):
    if not emulator.runs or chance.random() < 0.4:
        await client.dispatch(chance.choice(FILES))
        return
    number = chance.choice(emulator.runs).id
    answer = await client.post(f"{ACTIONS}/runs/{number}/{chance.choice(CHANGES)}")
    assert answer.status_code in (201, 202, 403, 409), answer.text


def _check_groups(runs):
    for group in ("slow", "replacing", "queued"):
        assert sum(run.group == group and run.status in ("queued", "in_progress") for run in runs) <= 1


def _end_endless_ones(emulator):
    """Cancel what would take a minute, and say whether all is over."""
    for run in emulator.runs:
        if run.workflow_path.endswith(("slow.yml", "replacing.yml")) and run.status in (
            "queued",
            "in_progress",
        ):
            emulator.services.lifecycle.cancel(run, force=True)
    return all(run.is_over for run in emulator.runs)


def _check_attempt(attempt, jobs):
    assert attempt.status == "completed"
    assert all(job.status == "completed" and job.conclusion for job in jobs)
    assert len({job.key for job in jobs}) == len(jobs)
    conclusions = {job.conclusion for job in jobs}
    if attempt.conclusion == "success":
        assert conclusions <= {"success", "skipped"}
    if attempt.conclusion == "failure":
        assert "failure" in conclusions
