"""Runs of the emulated GitHub that end as a script says, for whom they are."""

import asyncio

import httpx2
import pytest

from perdure.emulator import EmulatorSettings, GitHubEmulator, create_repository
from perdure.emulator.faults import CALLER_HEADER

FILE = """
on: {workflow_dispatch: {}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - {name: Build, run: echo built}
      - {name: Publish, run: echo published}
      - {name: Clean up, if: always(), run: echo cleaned}
"""
ACTIONS = "/repos/acme/library/actions"
ENDED = {"fails": "failure", "times_out": "timed_out", "startup_failure": "startup_failure"}


@pytest.fixture
async def github(tmp_path):
    create_repository(tmp_path, "acme/library", {".github/workflows/build.yml": FILE})
    async with GitHubEmulator(tmp_path, EmulatorSettings(timing="fast")) as emulator:
        yield emulator


@pytest.fixture
async def client(github):
    transport = httpx2.ASGITransport(app=github.app)
    headers = {"authorization": "Bearer any", "x-github-api-version": "2026-03-10"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://github", headers=headers) as client:
        yield client


async def dispatch(client, caller):
    answer = await client.post(
        f"{ACTIONS}/workflows/build.yml/dispatches", json={"ref": "main"}, headers={CALLER_HEADER: caller}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["workflow_run_id"]


async def ended(github, number):
    async with asyncio.timeout(30):
        while not (run := next(run for run in github.runs if run.id == number)).is_over:
            await asyncio.sleep(0.02)
    return run


@pytest.mark.parametrize("oddity", ENDED)
async def test_a_run_ends_as_the_script_says_for_its_caller(github, client, oddity):
    """Runs of the same file are told apart by who dispatched them."""
    github.faults.script = {"one": oddity}.get
    meant, other = await dispatch(client, "one"), await dispatch(client, "other")
    assert (await ended(github, meant)).conclusion == ENDED[oddity]
    assert (await ended(github, other)).conclusion == "success"


async def test_the_step_that_fails_is_followed_by_what_cleans_up(github, client):
    """The rest of the job is as GitHub would have it: only the failing step's work is replaced."""
    github.faults.script = {"one": "fails"}.get
    run = await ended(github, await dispatch(client, "one"))
    (job,) = github.jobs(run)
    steps = {step.name: step.conclusion for step in job.steps}
    assert (steps["Build"], steps["Publish"], steps["Clean up"]) == ("failure", "skipped", "success")


async def test_a_re_run_asks_the_script_again(github, client):
    """What is flaky fails at its first attempt alone."""
    oddities = iter(["fails", None])
    github.faults.script = lambda caller: next(oddities)
    number = await dispatch(client, "one")
    assert (await ended(github, number)).conclusion == "failure"
    assert (await client.post(f"{ACTIONS}/runs/{number}/rerun-failed-jobs")).status_code == 201
    assert (await ended(github, number)).conclusion == "success"


async def test_what_hangs_ends_when_it_is_cancelled(github, client):
    """It neither goes on nor ends by itself."""
    github.faults.script = {"one": "hangs"}.get
    number = await dispatch(client, "one")
    async with asyncio.timeout(30):
        while next(run for run in github.runs if run.id == number).status != "in_progress":
            await asyncio.sleep(0.02)
    assert (await client.post(f"{ACTIONS}/runs/{number}/cancel")).status_code == 202
    assert (await ended(github, number)).conclusion == "cancelled"
