"""Activities that read GitHub for one action. All are safe to repeat: they change nothing."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta

from pydantic import Field
from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.recent import Recent
from perdure.activities.store import ContentStore
from perdure.errors import GitHubPermissionError, WorkflowNotDispatchableError
from perdure.github import GitHubClient
from perdure.github.facts import ResolvedRef
from perdure.github.pacing import watching
from perdure.model.actions import ActionsJob, ActionsRun, ActionsRunRef, RunOutputs, StoredObject
from perdure.model.base import Model
from perdure.model.dispatch import DEFAULT_GRACE_TIME, Correlation, DispatchPlan
from perdure.model.following import is_news
from perdure.model.names import RepositoryName, workflow_path
from perdure.model.workflow_files import WorkflowFileFacts, check_inputs

INLINE_OUTPUTS_LIMIT = 16_000
"""Outputs that take more bytes than this as JSON go to the store."""

_FACTS_KEPT = timedelta(seconds=3)

_LOOK_INTERVALS = (0.5, 1.0, 2.0, 3.0, 5.0)


class PlanDispatchInput(Model):
    """Input of :meth:`ActionActivities.plan_dispatch`."""

    repository: RepositoryName
    workflow_file: str
    ref: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict)


class FindActionsRunsInput(Model):
    """Input of :meth:`ActionActivities.find_actions_runs`.

    Attributes:
        since: Runs created before are not meant.
        after_number: Neither are runs up to this number.
        within: How long to go on looking while there is none. Zero looks once.
        more_than: Go on while there are not more than this many.
    """

    repository: RepositoryName
    workflow_file: str
    ref: str
    dispatch_id: str
    correlation: Correlation
    since: datetime
    after_number: int = 0
    within: timedelta = timedelta(0)
    more_than: int = 0


class PollActionsRunInput(Model):
    """Input of :meth:`ActionActivities.poll_actions_run`.

    Attributes:
        known: What is known already: the activity returns once there is news.
        interval: Between two looks.
        within: Return what is known after this time although nothing changed.
        until_completed: Whether only the run's end counts as news.
    """

    known: ActionsRun
    interval: timedelta
    within: timedelta | None = None
    until_completed: bool = False


class ExplainedRun(Model):
    """Why a run did not pass."""

    jobs: tuple[ActionsJob, ...] = ()
    log_tail: str = ""


class ReadOutputs(Model):
    """What a run gave back."""

    outputs: RunOutputs = Field(default_factory=dict)
    stored: StoredObject | None = None


class ActionActivities:
    """Reads what one action needs to know."""

    def __init__(
        self,
        github: GitHubClient,
        store: ContentStore,
        *,
        grace_time: timedelta = DEFAULT_GRACE_TIME,
        reconcile_interval: timedelta = timedelta(minutes=5),
        search_attributes: Callable[[], bool] = lambda: False,
    ) -> None:
        self._github = github
        self._store = store
        self._grace_time = grace_time
        self._reconcile_interval = reconcile_interval
        self._search_attributes = search_attributes
        self._recent: Recent[tuple[ResolvedRef, WorkflowFileFacts | None]] = Recent(_FACTS_KEPT)

    @activity.defn
    async def plan_dispatch(self, input: PlanDispatchInput) -> DispatchPlan:
        """Check what can be known before a dispatch, so that nothing is sent that GitHub would refuse.

        A repository, workflow file, ref or input that does not fit is a permanent error.
        """
        async with heartbeats():
            with as_application_errors():
                resolved, facts = await self._recent.get(
                    (input.repository, input.ref, input.workflow_file), lambda: self._read_facts(input)
                )
                if facts is not None:
                    check_inputs(facts, input.inputs)
        plan = DispatchPlan(
            ref=resolved.ref,
            head_sha=resolved.sha,
            grace_time=self._grace_time,
            reconcile_interval=self._reconcile_interval,
            search_attributes=self._search_attributes(),
        )
        if facts is None:
            warning = "the workflow file cannot be read with these permissions (contents: read): its inputs"
            return plan.model_copy(
                update={
                    "file_is_known": False,
                    # Looks at run names first, and at steps where those tell nothing.
                    "correlation": Correlation.STEP_NAME,
                    "warnings": (f"{warning} are not checked beforehand",),
                }
            )
        return _with_file_facts(plan, facts, input.workflow_file)

    @activity.defn
    async def find_actions_runs(self, input: FindActionsRunsInput) -> list[ActionsRun]:
        """List the runs that carry the dispatch id, looking again for as long as asked.

        Repeated from the start after a crash: looking for too long is safe, for too short is not.
        """
        looks = 0
        end = asyncio.get_running_loop().time() + input.within.total_seconds()
        async with heartbeats(lambda: {"looks": looks}):
            while True:
                with as_application_errors():
                    found = await self._candidates(input)
                left = end - asyncio.get_running_loop().time()
                if len(found) > input.more_than or left <= 0:
                    return found
                await asyncio.sleep(min(left, _LOOK_INTERVALS[min(looks, len(_LOOK_INTERVALS) - 1)]))
                looks += 1

    @activity.defn
    async def get_actions_run(self, ref: ActionsRunRef) -> ActionsRun:
        """Read one run. A run that was deleted is a permanent error."""
        async with heartbeats():
            with as_application_errors():
                return await self._github.get_actions_run(ref)

    @activity.defn
    async def poll_actions_run(self, input: PollActionsRunInput) -> ActionsRun:
        """Read one run until there is news of it. Its status and URL are the heartbeat's details."""
        seen = input.known
        end = None
        if input.within is not None:
            end = asyncio.get_running_loop().time() + input.within.total_seconds()
        async with heartbeats(lambda: _shown(seen)):
            while True:
                # The end of a cancelled run is not merely watched for: somebody waits for it.
                with as_application_errors(), nullcontext() if input.until_completed else watching():
                    seen = await self._github.get_actions_run(input.known.ref)
                if seen.is_completed or (is_news(input.known, seen) and not input.until_completed):
                    return seen
                if end is not None and asyncio.get_running_loop().time() >= end:
                    return seen
                activity.heartbeat(_shown(seen))
                await asyncio.sleep(input.interval.total_seconds())

    @activity.defn
    async def explain_actions_run(self, ref: ActionsRunRef) -> ExplainedRun:
        """Read the jobs of a run's last attempt, and the end of the log of the first that failed."""
        async with heartbeats():
            with as_application_errors():
                jobs = await self._github.list_jobs(ref)
                failed = next((job for job in jobs if job.conclusion == "failure"), None)
                tail = ""
                if failed is not None:
                    tail = await self._github.read_log_tail(ref.repository, failed.actions_job_id, lines=20)
        return ExplainedRun(jobs=tuple(jobs), log_tail=tail)

    @activity.defn
    async def read_outputs(self, actions_run: ActionsRun) -> ReadOutputs:
        """Read the run's artifact ``perdure-outputs``. Large outputs go to the store, by content."""
        async with heartbeats():
            with as_application_errors():
                outputs = await self._github.read_outputs(actions_run.ref, actions_run.actions_run_attempt)
        if outputs is None:
            return ReadOutputs()
        stored = self._store.put_json_over(INLINE_OUTPUTS_LIMIT, outputs)
        return ReadOutputs(stored=stored) if stored else ReadOutputs(outputs=outputs)

    async def _read_facts(self, input: PlanDispatchInput) -> tuple[ResolvedRef, WorkflowFileFacts | None]:
        ref = input.ref or (await self._github.get_repository(input.repository)).default_branch
        resolved = await self._github.resolve_ref(input.repository, ref)
        return resolved, await self._read_workflow_file(input, resolved.sha)

    async def _read_workflow_file(self, input: PlanDispatchInput, sha: str) -> WorkflowFileFacts | None:
        found = await self._github.get_workflow(input.repository, input.workflow_file)
        if found.state != "active":
            msg = f"{input.repository}: {input.workflow_file} is disabled ({found.state})"
            raise WorkflowNotDispatchableError(
                msg, hint=f"gh workflow enable {input.workflow_file} --repo {input.repository}"
            )
        try:
            return await self._github.read_workflow_file(
                input.repository, workflow_path(input.workflow_file), sha
            )
        except GitHubPermissionError:
            return None

    async def _candidates(self, input: FindActionsRunsInput) -> list[ActionsRun]:
        if input.correlation is not Correlation.NONE:
            return await self._github.find_actions_runs(
                input.repository, input.workflow_file, input.dispatch_id, input.since, input.correlation
            )
        runs = await self._github.list_actions_runs(
            input.repository, workflow_file=input.workflow_file, since=input.since, branch=input.ref
        )
        return [actions_run for actions_run in runs if actions_run.actions_run_number > input.after_number]


def _with_file_facts(plan: DispatchPlan, facts: WorkflowFileFacts, workflow_file: str) -> DispatchPlan:
    warnings = plan.warnings
    if not facts.takes_dispatch_id:
        warnings += (
            f"{workflow_file} takes no dispatch_id input: where GitHub's answer is lost, a person is asked "
            "before anything is dispatched again",
        )
    elif facts.correlation is Correlation.NONE:
        warnings += (
            f"{workflow_file} takes a dispatch_id but shows it nowhere: put it into run-name, as in "
            "run-name: ${{ github.workflow }} [${{ inputs.dispatch_id }}]",
        )
    return plan.model_copy(
        update={
            "takes_dispatch_id": facts.takes_dispatch_id,
            "correlation": facts.correlation,
            "warnings": warnings,
        }
    )


def _shown(seen: ActionsRun) -> dict[str, str | None]:
    return {"status": seen.status, "conclusion": seen.conclusion, "html_url": seen.html_url}
