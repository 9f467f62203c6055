"""Decides which jobs of a file run, when, and in how many instances, and hands them to runners.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idneeds
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perdure.emulator.execution.definitions import JobDefinition
from perdure.emulator.execution.errors import ExpressionError, WorkflowFileError
from perdure.emulator.execution.expressions import Scope, evaluate_condition, interpolate
from perdure.emulator.execution.instances import JobInstance, RunState
from perdure.emulator.execution.interface import JobResult, PlannedJob
from perdure.emulator.execution.job import JobExecution
from perdure.emulator.execution.planning import Batch, Call, instance_scope, plan
from perdure.emulator.execution.reusable import call_inputs, call_outputs
from perdure.emulator.execution.stopping import StopReason
from perdure.emulator.execution.workflow_file import WorkflowFile, is_enabled

_SKIPPED = JobResult(result="skipped")


@dataclass(eq=False)
class _Active:
    """An instance that waits for a runner or has one."""

    definition: JobDefinition
    scope: Scope
    waiting: "asyncio.Future[None] | None" = None
    execution: JobExecution | None = None
    cancelled: bool = False

    def cancel(self, reason: StopReason) -> None:
        self.cancelled = True
        if self.execution is not None:
            self.execution.cancel(reason)
        elif self.waiting is not None:
            self.waiting.cancel()


class Graph:
    """The jobs of one file, executed once."""

    def __init__(self, run: RunState, call: Call, runners: asyncio.Semaphore) -> None:
        self.results: dict[str, JobResult] = {}
        self._run = run
        self._call = call
        self._runners = runners
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._active: list[_Active] = []
        self._inner: list[Graph] = []

    async def execute(self) -> None:
        """Run all jobs to their ends; ``results`` then holds how each ended, by id."""
        async with asyncio.TaskGroup() as group:
            for identifier, definition in self._call.file.jobs.items():
                self._tasks[identifier] = group.create_task(self._job(definition))

    def cancel(self, reason: StopReason) -> None:
        """Stop every job, except those whose condition holds in a cancelled run too."""
        for active in list(self._active):
            if reason is StopReason.KILLED or not self._goes_on(active):
                active.cancel(reason)
        for inner in self._inner:
            inner.cancel(reason)

    def _goes_on(self, active: _Active) -> bool:
        try:
            return evaluate_condition(active.definition.condition, active.scope)
        except ExpressionError:
            return False

    async def _job(self, definition: JobDefinition) -> None:
        waits = [self._tasks[name] for name in definition.needs]
        if waits:
            await asyncio.wait(waits)
        self.results[definition.identifier] = await self._ended(definition)

    async def _ended(self, definition: JobDefinition) -> JobResult:
        key = self._call.key + definition.identifier
        if kept := self._kept(key):
            return _forgiven(kept, forgiven=self._forgives(definition))
        scope = self._scope(definition)
        try:
            if self._run.killed:
                return self._without_runner(definition, key, "cancelled")
            if not evaluate_condition(definition.condition, scope):
                return self._without_runner(definition, key, "skipped")
            if definition.uses is not None:
                return await self._called(definition, scope)
            batch = plan(definition, self._call, scope)
        except (ExpressionError, WorkflowFileError) as error:
            return self._without_runner(definition, key, "failure", str(error))
        return await self._instances(batch)

    def _kept(self, key: str) -> JobResult | None:
        only = self._run.request.only_jobs
        if only is None or key in only:
            return None
        return self._run.request.earlier_jobs.get(key)

    def _forgives(self, definition: JobDefinition) -> bool:
        try:
            return is_enabled(definition.continue_on_error, self._scope(definition))
        except ExpressionError:
            return False

    def _scope(self, definition: JobDefinition) -> Scope:
        ancestors = [self.results[name].result for name in self._ancestors(definition)]
        request = self._run.request
        return Scope(
            contexts={
                "github": {**self._run.github, "job": definition.identifier},
                "inputs": self._call.inputs,
                "vars": dict(request.variables),
                "secrets": {},
                "needs": {
                    name: {"result": self.results[name].result, "outputs": dict(self.results[name].outputs)}
                    for name in definition.needs
                },
            },
            functions={
                "success": lambda _: not self._run.cancelled and all(one == "success" for one in ancestors),
                "failure": lambda _: not self._run.cancelled and "failure" in ancestors,
                "cancelled": lambda _: self._run.cancelled,
                "always": lambda _: True,
            },
        )

    def _ancestors(self, definition: JobDefinition) -> set[str]:
        found: set[str] = set()
        waiting = list(definition.needs)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._call.file.jobs[name].needs
        return found

    def _without_runner(
        self, definition: JobDefinition, key: str, conclusion: str, complaint: str | None = None
    ) -> JobResult:
        name = self._name_without_matrix(definition)
        planned = PlannedJob(key=key, name=self._call.name + name, labels=())
        observer = self._run.observer
        observer.jobs_planned([planned])
        if complaint is not None:
            observer.annotation(key, "failure", f"The template is not valid. {complaint}", {})
        observer.job_finished(key, conclusion, {})
        return JobResult(result=conclusion)

    def _name_without_matrix(self, definition: JobDefinition) -> str:
        name = definition.name or definition.identifier
        try:
            return interpolate(name, self._scope(definition))
        except ExpressionError:
            return name

    async def _instances(self, batch: Batch) -> JobResult:
        kept = {one.key: self._kept(one.key) for one in batch.instances}
        fresh = [one for one in batch.instances if kept[one.key] is None]
        self._run.observer.jobs_planned(
            [
                PlannedJob(key=one.key, name=one.name, labels=one.labels, matrix=dict(one.matrix))
                for one in fresh
            ]
        )
        # Every job that is known by now is planned before the first of them is queued.
        await asyncio.sleep(0)
        siblings: list[_Active] = []
        ends = await asyncio.gather(*(self._one(one, batch, siblings) for one in fresh))
        results = dict(zip((one.key for one in fresh), ends, strict=True))
        all_results = [
            results.get(one.key) or _forgiven(kept[one.key] or _SKIPPED, forgiven=one.forgiven)
            for one in batch.instances
        ]
        return _together(all_results)

    async def _one(self, instance: JobInstance, batch: Batch, siblings: list[_Active]) -> JobResult:
        observer = self._run.observer
        active = _Active(instance.definition, batch.scope)
        self._active.append(active)
        siblings.append(active)
        observer.job_queued(instance.key)
        slots = (batch.slots, self._runners)
        picked_up = False
        conclusion, outputs = "cancelled", dict[str, str]()
        try:
            picked_up = await self._picked_up(active, slots)
            if picked_up and not active.cancelled:
                conclusion, outputs = await self._run_on_runner(instance, active)
        finally:
            self._active.remove(active)
            for slot in slots if picked_up else ():
                slot.release()
        observer.job_finished(instance.key, conclusion, outputs)
        result = _forgiven(JobResult(result=conclusion, outputs=outputs), forgiven=instance.forgiven)
        if result.result == "failure" and batch.fail_fast:
            for other in siblings:
                if other is not active and other in self._active:
                    other.cancel(StopReason.CANCELLED)
        return result

    async def _run_on_runner(self, instance: JobInstance, active: _Active) -> tuple[str, dict[str, str]]:
        active.execution = JobExecution(instance, self._run)
        return await active.execution.execute()

    async def _picked_up(self, active: _Active, slots: Sequence[asyncio.Semaphore]) -> bool:
        active.waiting = asyncio.ensure_future(self._pick_up(slots))
        if active.cancelled or (self._run.cancelled and not self._goes_on(active)):
            active.waiting.cancel()
        try:
            await active.waiting
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return False
        finally:
            active.waiting.cancel()
        return True

    async def _pick_up(self, slots: Sequence[asyncio.Semaphore]) -> None:
        taken: list[asyncio.Semaphore] = []
        try:
            await asyncio.sleep(random.uniform(*self._run.settings.pick_up_delay))  # noqa: S311 - no secret
            for slot in slots:
                await slot.acquire()
                taken.append(slot)
        except asyncio.CancelledError:
            for slot in taken:
                slot.release()
            raise

    async def _called(self, definition: JobDefinition, scope: Scope) -> JobResult:
        batch = plan(definition, self._call, scope)
        called = self._run.called[definition.uses or ""]
        return _together(
            await asyncio.gather(*(self._call_once(instance, called, batch) for instance in batch.instances))
        )

    async def _call_once(self, instance: JobInstance, called: WorkflowFile, batch: Batch) -> JobResult:
        async with batch.slots:
            inputs = call_inputs(called, instance.definition, instance_scope(instance, batch.scope))
            call = Call(file=called, inputs=inputs, key=f"{instance.key} / ", name=f"{instance.name} / ")
            inner = Graph(self._run, call, self._runners)
            self._inner.append(inner)
            await inner.execute()
        outputs = call_outputs(called, inner.results, {**batch.scope.contexts, "inputs": inputs})
        return JobResult(result=_together(list(inner.results.values())).result, outputs=outputs)


def _forgiven(result: JobResult, *, forgiven: bool) -> JobResult:
    """Make success of a failure that does not count."""
    return replace(result, result="success") if forgiven and result.result == "failure" else result


def _together(results: Sequence[JobResult]) -> JobResult:
    """Make one result of those of all instances: the worst, and the outputs that came last."""
    outputs: dict[str, str] = {}
    for result in results:
        outputs.update({name: value for name, value in result.outputs.items() if value})
    ends = {result.result for result in results}
    for worst in ("failure", "cancelled", "success"):
        if worst in ends:
            return JobResult(result=worst, outputs=outputs)
    return JobResult(result="skipped", outputs=outputs)
