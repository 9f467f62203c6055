"""One page for Prometheus in each worker's process: the SDK's metrics and Perdure's own.

Perdure's are counted where they happen, by activities and workflows (:mod:`perdure.activities.counting`,
:mod:`perdure.workflows.counting`), or read off the server (:mod:`perdure.engine.sampling`).
"""

import logging
from typing import Final

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from perdure.config import Settings, check_listening_address
from perdure.engine.ports import by_whom
from perdure.errors import UsageError
from perdure.model import metrics

_SHORT: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LONG: Final = (0.1, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0, 604_800.0)
BUCKETS: Final = {
    # The SDK's own reach from 50 ms to 10 s; a workflow here may take weeks, and an activity hours.
    "temporal_activity_schedule_to_start_latency": _SHORT,
    "temporal_workflow_task_schedule_to_start_latency": _SHORT,
    "temporal_activity_execution_latency": _SHORT,
    "temporal_activity_succeed_endtoend_latency": _LONG,
    "temporal_workflow_endtoend_latency": _LONG,
    **{metric.name: metric.buckets for metric in metrics.ALL if metric.buckets},
}


def open_runtime(address: str | None) -> Runtime:
    """Start the SDK's native part, with the page for Prometheus where an address is given.

    Args:
        address: ``IP:PORT`` of the page.

    Raises:
        UsageError: That is no address, or it cannot be listened on.
    """
    # What the native part logs goes through Python, so that one place formats and redacts everything.
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"), append_target_to_name=False)
    telemetry = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
    if address is None:
        return Runtime(telemetry=TelemetryConfig(logging=telemetry))
    address = checked(address)
    page = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=BUCKETS,
    )
    try:
        return Runtime(telemetry=TelemetryConfig(logging=telemetry, metrics=page, attach_service_name=False))
    except ValueError as error:
        raise _cannot_listen(address, error) from error


def checked(address: str) -> str:
    """Return the address as it is listened on.

    Raises:
        UsageError: It is none.
    """
    try:
        return check_listening_address(address)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise UsageError(f"{address!r} {message}", hint=hint) from None


def with_metrics(settings: Settings, address: str | None) -> Settings:
    """Return the settings with the address that was typed, if one was.

    Raises:
        UsageError: It is no address.
    """
    if address is None:
        return settings
    page = settings.metrics.model_copy(update={"address": checked(address)})
    return settings.model_copy(update={"metrics": page})


def page_url(address: str) -> str:
    """Return what Prometheus is told to read."""
    return f"http://{checked(address)}/metrics"


def meter_of(client: Client) -> MetricMeter:
    """Return the meter whose metrics are on the page of the client's process."""
    runtime = client.service_client.config.runtime or Runtime.default()
    return runtime.metric_meter


def _cannot_listen(address: str, error: ValueError) -> UsageError:
    port = int(address.rpartition(":")[2])
    said = str(error).rpartition(": ")[2].partition(" (os error")[0]
    return UsageError(
        f"metrics cannot be served at {address}: {said}{by_whom(port)}",
        hint="choose another address with --metrics IP:PORT, or in [metrics] of perdure.toml",
    )
