"""The baseline: the same HTTP requests from as many activities, and nothing else.

What an action costs beyond this is the price of what it promises. Here nothing is promised: a dispatch whose
answer is lost fails, news comes by the worker's memory, and nobody can cancel, retry, or see where it stands.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    import httpx2

    from perdure.activities.recent import Recent
    from perdure.model.base import Model

TASK_QUEUE = "bare"
_FACTS_KEPT = timedelta(seconds=3)
_HEADERS = {
    "Authorization": "Bearer any-token",
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2026-03-10",
}


class BareInput(Model):
    """What to dispatch."""

    repository: str
    workflow_file: str
    ref: str


class BareResult(Model):
    """How the run ended."""

    conclusion: str
    html_url: str


class BareActivities:
    """One activity for each of an action's."""

    def __init__(self, url: str, look_interval: timedelta) -> None:
        """Talk to the GitHub at ``url``, and look at its list of runs so often."""
        self._http = httpx2.AsyncClient(base_url=url, headers=_HEADERS, trust_env=False)
        self._facts: Recent[str] = Recent(_FACTS_KEPT)
        self._look_interval = look_interval.total_seconds()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._listed: tuple[str, Any] = ("", {"workflow_runs": []})

    @activity.defn
    async def read_facts(self, input: BareInput) -> str:
        """Read ref, registration and workflow file, once for everybody who asks at the same time."""
        return await self._facts.get("facts", lambda: self._read_facts(input))

    @activity.defn
    async def dispatch(self, input: BareInput) -> int:
        """Dispatch, and return the run's id."""
        path = f"/repos/{input.repository}/actions/workflows/{input.workflow_file}/dispatches"
        answer = await self._http.post(path, json={"ref": input.ref, "inputs": {"dispatch_id": "bare"}})
        answer.raise_for_status()
        return int(answer.json()["workflow_run_id"])

    @activity.defn
    async def wait(self, input: BareInput, actions_run_id: int) -> BareResult:
        """Wait for the run's end. All who wait share one list of runs, asked for conditionally."""
        future = self._waiting.setdefault(actions_run_id, asyncio.get_running_loop().create_future())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(input.repository))
        found = await future
        return BareResult(conclusion=found["conclusion"], html_url=found["html_url"])

    @activity.defn
    async def read_outputs(self, input: BareInput, actions_run_id: int) -> int:
        """Look for outputs."""
        path = f"/repos/{input.repository}/actions/runs/{actions_run_id}/artifacts"
        listed = await self._get(path, name="perdure-outputs", per_page=100)
        return int(listed["total_count"])

    async def _read_facts(self, input: BareInput) -> str:
        repository = f"/repos/{input.repository}"
        found = await self._get(f"{repository}/git/ref/heads/{input.ref}")
        await self._get(f"{repository}/actions/workflows/{input.workflow_file}")
        sha = str(found["object"]["sha"])
        await self._get(f"{repository}/contents/.github/workflows/{input.workflow_file}", ref=sha)
        return sha

    async def _look(self, repository: str) -> None:
        path = f"/repos/{repository}/actions/runs"
        while self._waiting:
            etag, body = self._listed
            answer = await self._http.get(
                path,
                params={"event": "workflow_dispatch", "per_page": 100, "exclude_pull_requests": "true"},
                headers={"If-None-Match": etag} if etag else {},
            )
            if answer.status_code != 304:
                body = answer.raise_for_status().json()
                self._listed = (answer.headers["etag"], body)
            for found in body["workflow_runs"]:
                if found["status"] == "completed" and found["id"] in self._waiting:
                    self._waiting.pop(found["id"]).set_result(found)
            await asyncio.sleep(self._look_interval)

    async def _get(self, path: str, **query: str | int) -> dict[str, Any]:
        answer = await self._http.get(path, params=query)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    @property
    def all(self) -> list[Any]:
        """Every activity, for a worker."""
        return [self.read_facts, self.dispatch, self.wait, self.read_outputs]


@workflow.defn
class BareWorkflow:
    """Dispatches, waits and reads, as anybody would write it first. Ends when the run has ended."""

    @workflow.run
    async def run(self, input: BareInput) -> BareResult:
        """Run the four activities one after the other."""
        timeout = timedelta(minutes=1)
        await workflow.execute_activity_method(
            BareActivities.read_facts, input, start_to_close_timeout=timeout
        )
        actions_run_id = await workflow.execute_activity_method(
            BareActivities.dispatch, input, start_to_close_timeout=timeout
        )
        result = await workflow.execute_activity_method(
            BareActivities.wait, args=[input, actions_run_id], start_to_close_timeout=timeout
        )
        await workflow.execute_activity_method(
            BareActivities.read_outputs, args=[input, actions_run_id], start_to_close_timeout=timeout
        )
        return result
