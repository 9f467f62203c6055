"""Keeps one poller for each repository alive for as long as somebody waits there."""

from temporalio import workflow

from perdure.workflows import _calls

with workflow.unsafe.imports_passed_through():
    from perdure.model.watching import (
        PAGE_SIZE,
        NumberedWatch,
        Watch,
        WatcherInput,
        WatchPage,
        WatchRunsInput,
    )


@workflow.defn
class RepositoryWatcherWorkflow:
    """Watches the runs of one repository: starts with its first waiter, ends after its last.

    Messages: the signal ``watch`` asks for news of a run; the query ``watches`` is how its one long activity
    learns who waits. Survives the loss of its worker: the activity learns all it needs again. A signal that
    arrives while it ends keeps it alive, for the server does not complete a workflow with unread messages.
    """

    @workflow.init
    def __init__(self, input: WatcherInput) -> None:
        """Go on with the watches that an earlier run handed over."""
        self._watches = {numbered.watch.key: numbered for numbered in input.watches}
        self._next_number = input.next_number

    @workflow.run
    async def run(self, input: WatcherInput) -> None:
        """Watch until nobody waits any more."""
        while self._watches:
            result = await _calls.watch_actions_runs(
                WatchRunsInput(repository=input.repository, watcher_workflow_id=workflow.info().workflow_id)
            )
            for key, number in result.done.items():
                if key in self._watches and self._watches[key].number == number:
                    del self._watches[key]
            if self._watches and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    WatcherInput(
                        repository=input.repository,
                        watches=tuple(self._watches.values()),
                        next_number=self._next_number,
                    )
                )

    @workflow.signal
    def watch(self, watch: Watch | None = None) -> None:
        """Tell this workflow of this run from now on. Asking twice is harmless."""
        if watch is not None:
            self._watches[watch.key] = NumberedWatch(number=self._next_number, watch=watch)
            self._next_number += 1

    @workflow.query
    def watches(self, after: int = 0) -> WatchPage:
        """List who began to wait after the given number."""
        newer = sorted(
            (numbered for numbered in self._watches.values() if numbered.number > after),
            key=lambda numbered: numbered.number,
        )
        return WatchPage(watches=tuple(newer[:PAGE_SIZE]), more=len(newer) > PAGE_SIZE)
