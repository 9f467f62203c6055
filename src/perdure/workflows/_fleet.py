"""A window that slides over a list of any length: what every kind of fleet has in common.

A list in waves waits for the slowest of each wave, and a fleet that cut its history only while nothing runs
would stand still whenever one item takes hours. So the children of a fleet are abandoned, which only means
that they outlive the history in which they were started: the next history has one activity wait for those
that still run, and goes on filling the window beside them. Each child's id comes from its item, and the
server refuses an id twice: whatever is started again by a reset or a crash is found, and not done again.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows import _fleet_calls
from perdure.workflows._fleet_alerts import tell
from perdure.workflows._fleet_items import read_page
from perdure.workflows._items import ItemWork, cancel_workflow

with workflow.unsafe.imports_passed_through():
    from perdure.activities.failures import application_error, original_error
    from perdure.activities.fleet import AwaitWorkflowsInput
    from perdure.errors import EngineError
    from perdure.model.fleet import FleetItem, ItemEnd, ItemResult, Outcome, ResultsPage
    from perdure.model.fleet_progress import (
        SHOWN,
        FleetInput,
        FleetProgress,
        FleetResult,
        FleetState,
        RunningItem,
        fleet_markdown,
        named_failure,
    )
    from perdure.model.fleet_window import Move, Window, conclusion_of, is_alerting, next_move

_HEAVY = 256 * 1024
"""Bytes of results that are kept at once, however few they are."""


class _Running:
    """An item under way, and what waits for its end; ``None`` for one of an earlier history."""

    def __init__(self, row: RunningItem, task: asyncio.Task[None] | None) -> None:
        self.row = row
        self.task = task
        self.is_confirmed = task is None


class Fleet:
    """Does the work of every item, and accounts for each of them."""

    def __init__(self, input: FleetInput) -> None:
        """Begin, or go on where an earlier history stopped."""
        state = input.state or FleetState()
        self._input = input
        self._work = ItemWork(input.work, outlives=True)
        self._cursor = state.cursor
        self._waiting = deque(state.waiting)
        self._unkept = list(state.unkept)
        self._unkept_size = 0
        self._results = state.results
        self._counts = state.counts
        self._failures = state.failures
        self._most_parallel = state.most_parallel
        self._paused = state.paused
        self._alerted, self._alert = state.alerted, state.alert
        self._started_at = state.started_at or workflow.now()
        self._generation = state.generation
        self._running = {row.item.index: _Running(row, None) for row in state.running}
        self._carried = [row for row in state.running if row.workflow_id]
        self._is_reading = self._is_keeping = self._is_alerting = False
        self._cancelled = False
        self._broken: FailureError | None = None
        self._result: FleetResult | None = None
        self._changed = False
        # Kept here: an event loop holds its tasks weakly.
        self._beside: list[asyncio.Task[None]] = []

    async def run(self) -> FleetResult | FleetState:
        """Go through the list to its end, or for as long as one history should get.

        Returns:
            What it came to; or its state, where it goes on with a new history.

        Raises:
            ApplicationError: The list cannot be read.
        """
        if self._carried:
            carried, self._carried = self._carried, []
            self._start_beside(self._follow(carried))
        while True:
            match next_move(self._window(), self._input):
                case Move.READ:
                    self._is_reading = True
                    self._start_beside(self._read())
                case Move.START:
                    self._start(self._waiting.popleft())
                case Move.KEEP:
                    self._is_keeping = True
                    self._start_beside(self._keep())
                case Move.ALERT:
                    self._is_alerting = self._alerted = True
                    self._start_beside(self._tell())
                case Move.CONTINUE:
                    return self.state()
                case Move.END:
                    return self._end()
                case Move.WAIT:
                    self._show()
                    await workflow.wait_condition(lambda: self._changed)
                    self._changed = False

    def request_cancel(self) -> None:
        """Begin nothing more, ask what runs to end, and give up on it after a while."""
        if self._cancelled:
            return
        self._cancelled = self._changed = True
        for one in self._running.values():
            if one.task is not None:
                one.task.cancel()
            else:
                self._start_beside(cancel_workflow(one.row.workflow_id))
        self._start_beside(self._give_up())

    def pause(self, *, paused: bool) -> None:
        """Begin nothing more for now, or go on."""
        self._paused, self._changed = paused, True

    def progress(self) -> FleetProgress:
        """Tell where it stands."""
        rows = [one.row for one in self._running.values()]
        return FleetProgress(
            name=self._input.name,
            requester=self._input.requester,
            paused=self._paused,
            cancelled=self._cancelled,
            counts=self._counts,
            max_parallel=self._input.max_parallel,
            most_parallel=self._most_parallel,
            running_count=len(rows),
            running=tuple(rows[:SHOWN]),
            failures=self._failures,
            results=self._results,
            unkept=tuple(self._unkept),
            generation=self._generation,
            alert=self._alert,
            conclusion=self._result.conclusion if self._result else None,
            started_at=self._started_at,
            ended_at=self._result.ended_at if self._result else None,
        )

    def _window(self) -> Window:
        info = workflow.info()
        return Window(
            waiting=len(self._waiting),
            running=len(self._running),
            starting=sum(not one.is_confirmed for one in self._running.values()),
            unkept=len(self._unkept),
            is_heavy=self._unkept_size > _HEAVY,
            more=self._cursor is not None,
            reading=self._is_reading,
            keeping=self._is_keeping,
            alerting=self._is_alerting,
            must_alert=self._must_alert(),
            stopped=self._paused,
            ending=self._cancelled or self._broken is not None,
            history_is_long=info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= self._input.events_per_history,
            survives=self._input.work.survives_its_parent,
        )

    def _must_alert(self) -> bool:
        if self._alerted or self._input.alert is None or self._cancelled:
            return False
        is_over = self._cursor is None and not self._waiting and not self._running
        return is_alerting(self._counts, self._input.failure_threshold, is_over=is_over)

    async def _read(self) -> None:
        try:
            page = await read_page(
                self._input.items, self._cursor or "", self._counts.read, self._input.chunk_size
            )
        except FailureError as failure:
            self._broken = failure
        else:
            self._waiting.extend(page.items)
            self._cursor = page.cursor
            read = self._counts.read + len(page.items)
            listed = page.total if page.total is not None else read if page.cursor is None else None
            total = listed - self._counts.earlier if listed is not None else None
            self._counts = self._counts.model_copy(update={"read": read, "total": total})
        self._is_reading = False

    def _start(self, item: FleetItem) -> None:
        row = RunningItem(item=item, workflow_id=self._work.workflow_id(item), started_at=workflow.now())
        task = asyncio.create_task(self._carry_out(item))
        self._running[item.index] = _Running(row, task)
        self._most_parallel = max(self._most_parallel, len(self._running))

    async def _carry_out(self, item: FleetItem) -> None:
        try:
            end = await self._work.run(item, lambda: self._confirm(item))
        except asyncio.CancelledError:
            end = ItemEnd(outcome=Outcome.CANCELLED, reason="the fleet was cancelled")
        self._finish(item.index, end)

    def _confirm(self, item: FleetItem) -> None:
        if item.index in self._running:
            self._running[item.index].is_confirmed = self._changed = True

    async def _follow(self, carried: list[RunningItem]) -> None:
        """Wait for the ends of workflows that an earlier history began."""
        left = {row.workflow_id: row for row in carried}
        while left:
            for found in await _fleet_calls.await_workflows(AwaitWorkflowsInput(workflow_ids=tuple(left))):
                row = left.pop(found.workflow_id)
                gone = ItemEnd(outcome=Outcome.FAILED, reason="its workflow is gone")
                self._finish(row.item.index, found.end or gone)

    def _finish(self, index: int, end: ItemEnd) -> None:
        one = self._running.pop(index, None)
        if one is None:
            # Given up before.
            return
        result = ItemResult(
            **dict(end),
            index=index,
            key=one.row.item.key,
            item=one.row.item.value if end.outcome is not Outcome.SUCCEEDED else None,
            workflow_id=one.row.workflow_id,
            started_at=one.row.started_at,
            ended_at=workflow.now(),
        )
        self._unkept.append(result)
        self._unkept_size += len(result.model_dump_json())
        self._counts = self._counts.counting(result)
        if end.outcome is not Outcome.SUCCEEDED and len(self._failures) < SHOWN:
            self._failures = (*self._failures, named_failure(result))
        self._changed = True

    async def _keep(self) -> None:
        kept = tuple(self._unkept)
        self._results = await _fleet_calls.keep_results(ResultsPage(results=kept, previous=self._results))
        del self._unkept[: len(kept)]
        self._unkept_size = sum(len(one.model_dump_json()) for one in self._unkept)
        self._is_keeping = False

    async def _tell(self) -> None:
        if self._input.alert is not None:
            self._alert = await tell(self._input.alert, self.progress())
        self._is_alerting = False

    async def _give_up(self) -> None:
        timeout = self._input.cancel_timeout
        await workflow.sleep(timeout, summary="for what was asked to end")
        reason = f"it was asked to end, and has not within {timeout.total_seconds():.0f} s"
        for index in list(self._running):
            self._finish(index, ItemEnd(outcome=Outcome.CANCELLED, reason=reason))

    def state(self) -> FleetState:
        """Return what goes on in a new history, or in another fleet."""
        return FleetState(
            cursor=self._cursor,
            waiting=tuple(self._waiting),
            running=tuple(one.row for one in self._running.values()),
            unkept=tuple(self._unkept),
            results=self._results,
            counts=self._counts,
            failures=self._failures,
            most_parallel=self._most_parallel,
            paused=self._paused,
            alerted=self._alerted,
            alert=self._alert,
            started_at=self._started_at,
            generation=self._generation + 1,
        )

    def _end(self) -> FleetResult:
        self._result = FleetResult(
            id=workflow.info().workflow_id,
            name=self._input.name,
            conclusion=conclusion_of(self._counts, self._input.failure_threshold, cancelled=self._cancelled),
            counts=self._counts,
            failures=self._failures,
            results=self._results,
            most_parallel=self._most_parallel,
            alert=self._alert,
            started_at=self._started_at,
            ended_at=workflow.now(),
        )
        self._show()
        if self._broken is not None and not self._cancelled:
            known = original_error(self._broken) or EngineError(str(self._broken.cause or self._broken))
            raise application_error(known, message=f"the items cannot be read: {known}")
        return self._result

    def _start_beside(self, work: Coroutine[Any, Any, None]) -> None:
        self._beside = [task for task in self._beside if not task.done()]
        self._beside.append(asyncio.create_task(self._noticed(work)))

    async def _noticed(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._changed = True

    def _show(self) -> None:
        workflow.set_current_details(fleet_markdown(self.progress()))


async def run_fleet(fleet: Fleet) -> FleetResult | FleetState:
    """Run a fleet, and turn a cancellation of its workflow into an orderly end."""
    body = asyncio.create_task(fleet.run())
    try:
        return await asyncio.shield(body)
    except asyncio.CancelledError:
        # Shielded, so that what runs is asked to end, and what has ended is kept.
        fleet.request_cancel()
        if isinstance(await body, FleetState):
            # It was about to begin a new history: what runs still belongs to this one.
            await fleet.run()
        raise


class FleetMessages:
    """The messages that every kind of fleet takes."""

    _fleet: Fleet

    @workflow.signal
    def pause(self) -> None:
        """Begin nothing more; what runs goes on."""
        self._fleet.pause(paused=True)

    @workflow.signal
    def resume(self) -> None:
        """Go on."""
        self._fleet.pause(paused=False)

    @workflow.query
    def progress(self) -> FleetProgress:
        """Tell where it stands."""
        return self._fleet.progress()

    @workflow.query
    def state(self) -> FleetState:
        """Tell what a fleet may go on from, after this one was cancelled."""
        return self._fleet.state()
