"""Counts what workflows do: runs, how they end, and how long their histories are.

Nothing is counted while a history is replayed, so a run counts once however often it is loaded again; and no
counter is a command, so that histories do not know of them.
"""

import asyncio
from typing import Any, Final, NoReturn

from temporalio import workflow
from temporalio.common import MetricMeter
from temporalio.exceptions import FailureError, is_cancelled_exception
from temporalio.worker import (
    ContinueAsNewInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from perdure.errors import PerdureError
    from perdure.model import metrics
    from perdure.model.metrics import Metric

_AGAIN_AFTER: Final = 1_000
"""A history that has grown by so many events is measured again before its run ends."""


def count(metric: Metric, value: int = 1, **labels: str) -> None:
    """Add to a counter."""
    workflow.metric_meter().create_counter(metric.name, metric.about).add(value, labels)


class CountingInterceptor(Interceptor):
    """Counts runs and measures histories. For workers of Perdure's workflows."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return what stands before each workflow."""
        return _Inbound


class _History:
    """Measures the workflow's history."""

    def __init__(self) -> None:
        self._measured = 0

    def look(self) -> None:
        """Measure it where it has grown much since."""
        if workflow.info().get_current_history_length() - self._measured >= _AGAIN_AFTER:
            self.measure()

    def measure(self) -> None:
        info, meter = workflow.info(), workflow.metric_meter()
        self._measured = info.get_current_history_length()
        _record(meter, metrics.HISTORY_EVENTS, self._measured)
        _record(meter, metrics.HISTORY_SIZE, info.get_current_history_size())


def _record(meter: MetricMeter, metric: Metric, value: int) -> None:
    meter.create_histogram(metric.name, metric.about, metric.unit or None).record(value)


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        self._history = _History()
        super().init(_Outbound(outbound, self._history))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> object:
        count(metrics.RUNS_STARTED)
        try:
            result = await super().execute_workflow(input)
        except (asyncio.CancelledError, FailureError, PerdureError) as error:
            # Anything else fails the workflow's task, and the run goes on.
            self._ended("cancelled" if is_cancelled_exception(error) else "failed")
            raise
        self._ended("completed")
        return result

    async def handle_signal(self, input: HandleSignalInput) -> None:
        self._history.look()
        await super().handle_signal(input)

    def _ended(self, outcome: str) -> None:
        count(metrics.RUNS_ENDED, outcome=outcome)
        self._history.measure()


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, next: WorkflowOutboundInterceptor, history: _History) -> None:
        super().__init__(next)
        self._history = history

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        self._history.look()
        return super().start_activity(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        count(metrics.RUNS_ENDED, outcome="continued")
        self._history.measure()
        super().continue_as_new(input)
