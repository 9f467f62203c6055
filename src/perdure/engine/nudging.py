"""Has the workflows that a webhook concerns look at GitHub at once.

Which they are is found by the run's id in the search attributes. Where the namespace has none, or where they
lag behind, it is found among those who wait with the repository's watcher, by the run's id or by the dispatch
id in its name.
"""

from collections.abc import AsyncIterator, Awaitable, Collection

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.outages import QUERY_TIMEOUT
from perdure.errors import EngineError
from perdure.model import search_attributes
from perdure.model.code_review import HeadChanged
from perdure.model.pull_requests import PullRequestRef
from perdure.model.watching import Watch, WatchPage, watcher_id
from perdure.model.webhooks import Hint, PullHint, RunHint
from perdure.workflows.action import ActionWorkflow
from perdure.workflows.code_review import CodeReviewWorkflow
from perdure.workflows.repository_watcher import RepositoryWatcherWorkflow


class Nudger:
    """Finds workflows and nudges them. A nudge says nothing but: look."""

    def __init__(self, client: Client, *, workflow_task_queues: Collection[str]) -> None:
        """Find workflows of these task queues, each of which has watchers of its own."""
        self._client = client
        self._task_queues = workflow_task_queues

    async def nudge(self, hint: Hint) -> int:
        """Nudge whom the hint concerns; return how many that were. Safe to repeat.

        Raises:
            EngineError: Temporal is out of reach, or refuses.
        """
        try:
            return await (self._about_run(hint) if isinstance(hint, RunHint) else self._about_pull(hint))
        except RPCError as error:
            msg = f"Temporal cannot be asked whom a webhook concerns: {error.message or error.status.name}"
            raise EngineError(msg) from error

    async def _about_run(self, hint: RunHint) -> int:
        found = await self._by_search_attribute(hint) or [
            watch.workflow_id
            async for watch in self._waiters(hint.repository)
            if watch.actions_run_id == hint.actions_run_id
            or (hint.dispatch_id and watch.dispatch_id == hint.dispatch_id)
        ]
        return sum([await self._signal_action(workflow_id) for workflow_id in dict.fromkeys(found)])

    async def _by_search_attribute(self, hint: RunHint) -> list[str]:
        query = (
            f"{search_attributes.ACTIONS_RUN_ID} = {hint.actions_run_id} AND ExecutionStatus = 'Running'"
            f" AND WorkflowType = '{ActionWorkflow.__name__}'"
        )
        try:
            return [execution.id async for execution in self._client.list_workflows(query)]
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                # The namespace does not have the attribute.
                return []
            raise

    async def _waiters(self, repository: str) -> AsyncIterator[Watch]:
        for task_queue in self._task_queues:
            watcher = self._client.get_workflow_handle_for(
                RepositoryWatcherWorkflow.run, watcher_id(repository, task_queue)
            )
            after = 0
            try:
                is_running = (await watcher.describe()).status is WorkflowExecutionStatus.RUNNING
                while is_running:
                    page: WatchPage = await watcher.query(
                        RepositoryWatcherWorkflow.watches, after, rpc_timeout=QUERY_TIMEOUT
                    )
                    for numbered in page.watches:
                        after = numbered.number
                        yield numbered.watch
                    is_running = page.more
            except WorkflowQueryFailedError:
                continue
            except RPCError as error:
                # Without a worker nobody can be told anything; whoever waits looks by itself.
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.DEADLINE_EXCEEDED}:
                    raise

    async def _signal_action(self, workflow_id: str) -> bool:
        handle = self._client.get_workflow_handle_for(ActionWorkflow.run, workflow_id)
        return await _reached(handle.signal(ActionWorkflow.actions_run_changed, None))

    async def _about_pull(self, hint: PullHint) -> int:
        target = PullRequestRef(repository=hint.repository, pull_number=hint.pull_number)
        handle = self._client.get_workflow_handle_for(CodeReviewWorkflow.run, f"review/{target}")
        news = HeadChanged(head_sha=hint.head_sha)
        return await _reached(handle.signal(CodeReviewWorkflow.head_changed, news))


async def _reached(signal: Awaitable[None]) -> bool:
    try:
        await signal
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
