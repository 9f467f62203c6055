"""Counters that begin at 0.

A counter that appears with its first event is one that Prometheus has never seen grow: the first lost answer
would ring no alarm. So those whose labels are known are shown before anything was counted.
"""

import itertools
from collections.abc import Collection, Iterator

from temporalio.client import Client

from perdure.config import Settings
from perdure.engine.metrics import meter_of
from perdure.model import metrics, queues
from perdure.model.metrics import Metric


def begin_at_zero(client: Client, settings: Settings, task_queues: Collection[str]) -> None:
    """Show every counter whose labels are known before its first event."""
    meter = meter_of(client).with_additional_attributes({"namespace": client.namespace})
    suffix = settings.worker.queue_suffix
    for metric in metrics.ALL:
        for queue, labels in _counted(metric):
            if queue in task_queues:
                counter = meter.create_counter(metric.name, metric.about)
                counter.add(0, {"task_queue": queue + suffix, **labels})


def _counted(metric: Metric) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where a counter is counted: the queue without suffix, and all its labels."""
    for name, values in itertools.product(metric.counted_by, itertools.product(*metric.labels.values())):
        labels = dict(zip(metric.labels, values, strict=True))
        if name.endswith("Workflow"):
            yield queues.WORKFLOWS, {"workflow_type": name, **labels}
        else:
            yield queues.DISPATCH, {"activity_type": name, **labels}
