"""Undoing what was done, where what follows fails: a saga.

What undoes a step is named when the step is done. A block that is left by an error or a cancellation undoes
its steps, the last first, before the error goes on: nobody has to write it down a second time, and no second
cancellation tears it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self

from temporalio import workflow
from temporalio.exceptions import FailureError

P = ParamSpec("P")

_LONGEST_NAME = 120
_SHOWN = 40
"""The engine takes 20 kB of details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationOutcome:
    """How one compensation ended.

    Attributes:
        name: What was called, as far as it was given by position: ``run_action acme/library yank.yml``.
        result: What it returned.
        error: Why it failed.
    """

    name: str
    result: object = None
    error: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class _Compensation:
    name: str
    call: Callable[[], Awaitable[object]]


class Compensations(AbstractAsyncContextManager["Compensations"]):
    """What is to be undone, the last first. :func:`compensations` makes one."""

    def __init__(self) -> None:
        self._stack: list[_Compensation] = []
        self._outcomes: list[CompensationOutcome] = []

    def add(self, call: Callable[P, Awaitable[object]], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have something called where the block fails or is cancelled.

        Add it before a step that may have done its work although it failed, after one that has then done
        nothing.

        Args:
            call: :func:`run_action`, ``workflow.execute_activity`` or any coroutine function.
            *args: Its arguments.
            **kwargs: Its keyword arguments. Give it a time limit: the block does not end before it.
        """
        self._stack.append(_Compensation(_name_of(call, args), partial(call, *args, **kwargs)))

    def clear(self) -> None:
        """Keep what was done so far: there is no way back from here."""
        self._stack.clear()

    @property
    def outcomes(self) -> tuple[CompensationOutcome, ...]:
        """How each compensation ended, in the order in which they ran."""
        return tuple(self._outcomes)

    async def run(self) -> tuple[CompensationOutcome, ...]:
        """Undo everything now, where nothing has failed: a refused approval for instance.

        Returns:
            All outcomes. One that fails does not stop the others, and a cancellation is raised at the end.
        """
        cancelled = await self._undone_to_the_end()
        if cancelled is not None:
            raise cancelled
        return self.outcomes

    async def __aenter__(self) -> Self:
        """Begin with nothing to undo."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Undo everything where the block has failed or was cancelled, and let the error go on.

        Continuing as new is neither, nor is a workflow that its worker forgets.
        """
        if isinstance(error, Exception | asyncio.CancelledError):
            # What ended the block is told to the caller, not that somebody was impatient.
            await self._undone_to_the_end()

    async def _undone_to_the_end(self) -> asyncio.CancelledError | None:
        """Undo everything, and return a cancellation that came meanwhile."""
        if not self._stack:
            return None
        page = _Page(self._stack)
        # First of all: where the worker forgets the workflow, this ends it, and nothing is undone.
        page.show([])
        # A task of its own, which nobody else can cancel.
        undoing = asyncio.create_task(self._undo(page))
        cancelled: asyncio.CancelledError | None = None
        while not undoing.done():
            try:
                await asyncio.shield(undoing)
            except asyncio.CancelledError as error:
                cancelled = error
        undoing.result()
        return cancelled

    async def _undo(self, page: "_Page") -> None:
        ended: list[CompensationOutcome] = []
        while self._stack:
            outcome = await _outcome_of(self._stack.pop())
            ended.append(outcome)
            self._outcomes.append(outcome)
            page.show(ended)
            if outcome.error is None:
                workflow.logger.info("undone: %s", outcome.name)
            else:
                workflow.logger.error("not undone: %s: %s", outcome.name, _leaf(outcome.error))


def compensations() -> Compensations:
    """Undo a block's steps in reverse order where it fails or is cancelled.

        async with compensations() as undo:
            await run_action("acme/library", "publish.yml", inputs=inputs)
            undo.add(run_action, "acme/library", "yank.yml", inputs=inputs)
            await run_action("acme/deploy", "deploy.yml")

    The error that ended the block goes on when all is undone. A compensation that fails does not stop those
    that come after it: each outcome is in ``undo.outcomes``, in the workflow's log and in its current
    details. A cancellation meanwhile tears nothing. A block that succeeds undoes nothing.

    Do not continue as new inside: the new run knows nothing of what is to be undone.
    """
    return Compensations()


class _Page:
    """Shows what is undone below what a workflow has written about itself."""

    def __init__(self, stack: list[_Compensation]) -> None:
        self._written = workflow.get_current_details()
        self._names = [one.name for one in reversed(stack)]

    def show(self, ended: list[CompensationOutcome]) -> None:
        lines = [_line(outcome) for outcome in ended]
        lines += [f"- · {name}" for name in self._names[len(ended) :]]
        left = len(lines) - _SHOWN
        more = [f"- and {left} more"] if left > 0 else []
        undone = "\n".join(("**Undoing**", "", *lines[:_SHOWN], *more))
        workflow.set_current_details(f"{self._written}\n\n{undone}" if self._written else undone)


def _line(outcome: CompensationOutcome) -> str:
    if outcome.error is None:
        return f"- ✓ {outcome.name}"
    return f"- ✗ {outcome.name}: {' '.join(_leaf(outcome.error).split())[:200]}"


async def _outcome_of(compensation: _Compensation) -> CompensationOutcome:
    try:
        return CompensationOutcome(name=compensation.name, result=await compensation.call())
    except (Exception, asyncio.CancelledError) as error:
        return CompensationOutcome(name=compensation.name, error=error)


def _leaf(error: BaseException) -> str:
    while isinstance(error, FailureError) and error.cause is not None:
        error = error.cause
    return str(error) or type(error).__name__


def _name_of(call: Callable[..., object], arguments: tuple[object, ...]) -> str:
    named = getattr(call, "__name__", type(call).__name__)
    shown = (getattr(one, "__name__", None) or str(one) for one in arguments)
    name = " ".join(" ".join((named, *shown)).split())
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
