"""Follows one run to its end, for seconds or for weeks, without asking GitHub for each run.

News come as a signal from the repository's watcher. A signal may be lost with the one who should have sent
it, so a timer stands behind it, after which the run is read.
"""

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from perdure.workflows import _calls
from perdure.workflows._account import Account
from perdure.workflows._control import Control

with workflow.unsafe.imports_passed_through():
    from perdure.activities.actions import PollActionsRunInput
    from perdure.activities.dispatching import CancelInput
    from perdure.activities.failures import original_error
    from perdure.activities.watching import AskForNewsInput
    from perdure.model.actions import ActionInput, ActionsRun, WaitBy
    from perdure.model.following import (
        Followed,
        FollowMove,
        is_believable,
        is_queued,
        next_deadline,
        next_follow_move,
        patience,
    )
    from perdure.model.progress import NoteKind, Stage
    from perdure.model.watching import Watch

_CANCEL_WITHIN = timedelta(seconds=60)
"""How long GitHub gets to end a cancelled run before it is forced, and again before that is given up."""

_CANCEL_POLL = timedelta(seconds=2)


class Following:
    """One run, from its dispatch to its end."""

    def __init__(
        self,
        input: ActionInput,
        followed: Followed,
        account: Account,
        control: Control,
        *,
        reconcile_interval: timedelta,
    ) -> None:
        self._input = input
        self._reconcile_interval = reconcile_interval
        self.followed = followed
        self._account = account
        self._control = control
        self._news = False
        self._look = False
        self._looks_without_news = 0
        self._show()

    def hear(self, seen: ActionsRun | None) -> None:
        """Take news of the run. Without saying what, it means: read it."""
        if seen is None or not is_believable(self.followed.actions_run, seen):
            self._look = True
        else:
            self._learn(seen)

    def switch_to(self, earlier: ActionsRun) -> None:
        """Follow this run instead: it was started before by the same dispatch."""
        known = self.followed.actions_run
        if known.is_completed or earlier.actions_run_id == known.actions_run_id:
            return
        if earlier.repository != known.repository:
            return
        self._account.note(
            NoteKind.DUPLICATE, f"{known.html_url} is a duplicate of {earlier.html_url}, which was first"
        )
        duplicates = (*self._account.progress.duplicates, known.actions_run_id)
        self._account.update(duplicates=tuple(dict.fromkeys(duplicates)))
        self.followed = Followed(actions_run=earlier, queued_at=self.followed.queued_at)
        self._look = True
        self._show()

    async def to_the_next_move(self) -> FollowMove:
        """Wait until there is something to do about the run other than waiting."""
        if self._input.wait is WaitBy.WATCH and not self.followed.actions_run.is_completed:
            await self._ask_for_news()
        while True:
            move = next_follow_move(self._input, self.followed, workflow.now())
            if move is not FollowMove.WAIT or self._control.cancel_requested:
                return move
            if _history_is_long():
                return move
            await self._wait()

    async def another_attempt_within(self, window: timedelta) -> bool:
        """Wait for a person to re-run the ended run at GitHub; say whether anybody did."""
        ended = self.followed.actions_run.actions_run_attempt
        self._account.stage(Stage.RETRYING, waiting_on="person")
        await self._ask_for_news(attempt=ended + 1)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self.followed.actions_run.actions_run_attempt > ended or self._control.cancel_requested
                ),
                timeout=window,
                timeout_summary="stays open for a re-run at GitHub",
            )
        if self.followed.actions_run.actions_run_attempt == ended and not self._control.cancel_requested:
            self._learn(await _calls.get_actions_run(self.followed.actions_run.ref))
        return self.followed.actions_run.actions_run_attempt > ended

    async def end_it(self) -> str:
        """Cancel the run at GitHub, with force if need be; return why it is still alive, or nothing."""
        self._account.stage(Stage.CANCELLING, waiting_on="github")
        refused = ""
        for force in (False, True):
            refused = await self._ask_to_cancel(force=force)
            how = "force-cancel" if force else "cancel"
            said = (
                f"GitHub refused to {how} the run: {refused}" if refused else f"asked GitHub to {how} the run"
            )
            self._account.note(NoteKind.CANCEL, said)
            # A refusal often means that the run has just ended: that is looked at in either case.
            await self._poll(until_completed=True, within=timedelta(0) if refused else _CANCEL_WITHIN)
            if self.followed.actions_run.is_completed:
                return ""
        still_alive = refused or "GitHub accepted the cancellation but the run goes on"
        self._account.update(left_running=still_alive)
        return still_alive

    async def _ask_to_cancel(self, *, force: bool) -> str:
        try:
            return await _calls.cancel_actions_run(
                CancelInput(ref=self.followed.actions_run.ref, force=force)
            )
        except ActivityError as failure:
            # Without the right to cancel, or without an answer: the run may have ended by itself.
            return str(original_error(failure) or failure.cause or failure).partition("\n")[0]

    async def _wait(self) -> None:
        if self._input.wait is WaitBy.POLL:
            await self._poll(until_completed=False, within=self._time_left())
            return
        timeout = patience(self._reconcile_interval, self._looks_without_news)
        if (left := self._time_left()) is not None:
            timeout = min(timeout, left)
        self._news = False
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._news or self._look or self._control.cancel_requested or _history_is_long(),
                timeout=timeout,
                timeout_summary="reads the run itself after this",
            )
        if self._control.cancel_requested:
            return
        if self._look or not (self._news or _history_is_long()):
            await self._read()

    async def _read(self) -> None:
        self._look = False
        self._looks_without_news += 1
        self._learn(await _calls.get_actions_run(self.followed.actions_run.ref))
        if not self.followed.actions_run.is_completed:
            await self._ask_for_news()

    async def _poll(self, *, until_completed: bool, within: timedelta | None) -> None:
        interval = _CANCEL_POLL if until_completed else self._input.poll_interval
        self._learn(
            await _calls.poll_actions_run(
                PollActionsRunInput(
                    known=self.followed.actions_run,
                    interval=interval,
                    within=within,
                    until_completed=until_completed,
                )
            )
        )

    async def _ask_for_news(self, *, attempt: int | None = None) -> None:
        actions_run = self.followed.actions_run
        await _calls.ask_for_news(
            AskForNewsInput(
                repository=self._input.repository,
                watch=Watch(
                    workflow_id=workflow.info().workflow_id,
                    actions_run_id=actions_run.actions_run_id,
                    actions_run_attempt=attempt or actions_run.actions_run_attempt,
                    asked_at=self.followed.queued_at,
                    dispatch_id=self._account.progress.dispatch_id,
                ),
                workflow_task_queue=workflow.info().task_queue,
            )
        )

    def _learn(self, seen: ActionsRun) -> None:
        before = self.followed
        self.followed = before.after(seen, workflow.now())
        if self.followed is before:
            return
        self._news = True
        self._looks_without_news = 0
        now = self.followed.actions_run
        if now.actions_run_attempt > before.actions_run.actions_run_attempt:
            self._account.note(NoteKind.CHANGE, f"attempt {now.actions_run_attempt} was started")
        self._account.note(NoteKind.CHANGE, now.status + (f": {now.conclusion}" if now.conclusion else ""))
        self._show()

    def _show(self) -> None:
        actions_run = self.followed.actions_run
        queued = is_queued(actions_run)
        waiting_on = "" if actions_run.is_completed else "runner" if queued else "github"
        self._account.stage(
            Stage.QUEUED if queued else Stage.RUNNING,
            waiting_on=waiting_on,
            actions_run=actions_run,
            queued_at=self.followed.queued_at,
            running_since=self.followed.running_since,
        )

    def _time_left(self) -> timedelta | None:
        deadline = next_deadline(self._input, self.followed)
        return None if deadline is None else max(deadline - workflow.now(), timedelta(0))


def _history_is_long() -> bool:
    # Asked while waiting too: signals that are no news make a history grow up to where it is terminated.
    return workflow.info().is_continue_as_new_suggested()
