"""Counts what activities do, through the meter that names their activity type and task queue."""

from temporalio import activity

from perdure.model.metrics import Metric


def count(metric: Metric, value: int = 1, **labels: str) -> None:
    """Add to a counter. Without an endpoint for metrics it does nothing."""
    activity.metric_meter().create_counter(metric.name, metric.about).add(value, labels)
