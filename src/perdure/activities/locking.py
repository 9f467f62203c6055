"""Activities around concurrency groups: asking for one, and finding out who is gone."""

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from perdure.model.base import Model
from perdure.model.locks import LockRequest, LockState, lock_id

LOCK_WORKFLOW = "LockWorkflow"
ACQUIRE_SIGNAL = "acquire"
RELEASE_SIGNAL = "release"

_GOES_ON_ELSEWHERE = {WorkflowExecutionStatus.CONTINUED_AS_NEW, WorkflowExecutionStatus.TERMINATED}
"""A run that was reset is terminated, and its workflow goes on in another."""


class LockInput(Model):
    """Input of a lock's workflow.

    Attributes:
        group: Its name.
        state: Where it stands, if the workflow hands it to itself.
    """

    group: str
    state: LockState = LockState()


class AskForLockInput(Model):
    """Input of :meth:`LockActivities.ask_for_lock`."""

    group: str
    request: LockRequest
    task_queue: str


class FindGoneInput(Model):
    """Input of :meth:`LockActivities.find_gone`."""

    requests: tuple[LockRequest, ...]


class LockActivities:
    """Talks to Temporal about concurrency groups."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    @activity.defn
    async def ask_for_lock(self, input: AskForLockInput) -> None:
        """Ask a group's lock for it. Safe to repeat: the request has an id.

        Starting and asking are one request, so that no lock can end in between.
        """
        await self._temporal.start_workflow(
            LOCK_WORKFLOW,
            LockInput(group=input.group),
            id=lock_id(input.group),
            task_queue=input.task_queue,
            start_signal=ACQUIRE_SIGNAL,
            start_signal_args=[input.request],
            static_summary=f"Lets one at a time into {input.group[:100]}",
        )

    @activity.defn
    async def find_gone(self, input: FindGoneInput) -> list[str]:
        """Return the ids of those requests whose workflow has ended. Only reads."""
        gone = []
        for request in input.requests:
            if not await self._is_alive(request):
                gone.append(request.request_id)
            activity.heartbeat()
        return gone

    async def _is_alive(self, request: LockRequest) -> bool:
        status, first_run_id = await self._status(request.workflow_id, request.run_id)
        if status in _GOES_ON_ELSEWHERE:
            # The last run of the same chain decides. An id that was used anew is another chain.
            last, first_of_last = await self._status(request.workflow_id, None)
            return last is WorkflowExecutionStatus.RUNNING and first_of_last == first_run_id
        return status is WorkflowExecutionStatus.RUNNING

    async def _status(
        self, workflow_id: str, run_id: str | None
    ) -> tuple[WorkflowExecutionStatus | None, str]:
        try:
            found = await self._temporal.get_workflow_handle(workflow_id, run_id=run_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None, ""
            raise
        return found.status, found.raw_description.workflow_execution_info.first_run_id
