"""Executes one attempt of a run: reads its file, runs its jobs, concludes."""

import asyncio

from perdure.emulator.execution.contexts import github_context
from perdure.emulator.execution.errors import WorkflowFileError
from perdure.emulator.execution.graph import Graph
from perdure.emulator.execution.instances import RunState
from perdure.emulator.execution.interface import ExecutionSettings, RunObserver, RunRequest
from perdure.emulator.execution.planning import Call
from perdure.emulator.execution.reusable import load_called
from perdure.emulator.execution.stopping import StopReason
from perdure.emulator.execution.workflow_file import WorkflowFile


class RunExecution:
    """One attempt of one run.

    Attributes:
        startup_error: Why the file could not be used, after a ``startup_failure``.
    """

    def __init__(self, request: RunRequest, observer: RunObserver, settings: ExecutionSettings) -> None:
        """Prepare the attempt; nothing happens before :py:meth:`run`."""
        self.startup_error: str | None = None
        self._request = request
        self._observer = observer
        self._settings = settings
        self._graph: Graph | None = None
        self._state: RunState | None = None
        self._cancelled: StopReason | None = None

    async def run(self) -> str:
        """Execute the jobs and return the conclusion of the run.

        It is ``success``, ``failure``, ``cancelled``, ``skipped`` or ``startup_failure``. When the task that
        awaits this is cancelled, everything that runs is killed.
        """
        try:
            state = await self._start()
        except WorkflowFileError as error:
            self.startup_error = f"The workflow is not valid. {self._request.workflow_path} {error}"
            return "startup_failure"
        self._state = state
        call = Call(file=state.file, inputs=state.file.input_values(self._request.inputs))
        self._graph = Graph(state, call, asyncio.Semaphore(self._settings.max_parallel_jobs))
        if self._cancelled is not None:
            self.cancel(force=self._cancelled is StopReason.KILLED)
        await self._graph.execute()
        return self._conclusion({result.result for result in self._graph.results.values()})

    async def _start(self) -> RunState:
        file = WorkflowFile.parse(self._request.workflow_text)
        called = await load_called(self._request, file)
        return RunState(
            request=self._request,
            observer=self._observer,
            settings=self._settings,
            file=file,
            github=github_context(self._request, file),
            called=called,
        )

    def cancel(self, *, force: bool = False) -> None:
        """Cancel the run as GitHub does.

        Steps and jobs whose condition holds nevertheless (``always()``, ``cancelled()``) still run; the
        others get SIGINT, SIGTERM, SIGKILL. By force everything is killed at once and nothing more runs.
        """
        reason = StopReason.KILLED if force else StopReason.CANCELLED
        self._cancelled = reason
        if self._state is not None and self._graph is not None:
            self._state.cancelled = True
            self._state.killed = self._state.killed or force
            self._graph.cancel(reason)

    def _conclusion(self, results: set[str]) -> str:
        if self._cancelled is not None:
            return "cancelled"
        for worst in ("failure", "cancelled", "success"):
            if worst in results:
                return worst
        return "skipped"
