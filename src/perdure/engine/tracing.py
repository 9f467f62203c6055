"""Spans from a command through its workflow and activities to each request at GitHub.

Temporal's own integration carries a trace through the engine; what is added here is where spans go, the
requests, and that a short command waits for its spans to be sent. Nothing of it is even imported where
``[tracing]`` names no collector.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

from temporalio.client import Interceptor

from perdure.config import TracingSettings
from perdure.engine import exits
from perdure.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from perdure.github import GitHubClient

_SENT_WITHIN: Final = 2
"""Seconds. A collector that is away delays the end of a command by no more."""


def tracing_interceptors(settings: TracingSettings) -> Sequence[Interceptor]:
    """Return what a client needs so that it, and its workers, make spans; nothing without a collector.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    if settings.endpoint is None:
        return ()
    provider = _provider(settings.endpoint)
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return (TracingInterceptor(provider.get_tracer("perdure")),)


def trace_requests(github: GitHubClient, settings: TracingSettings) -> None:
    """Make a span of each request at GitHub, below the activity that sends it."""
    if settings.endpoint is None:
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer = _provider(settings.endpoint).get_tracer("perdure")

    @contextmanager
    def watch(method: str, route: str) -> Iterator[Callable[[int], None]]:
        # Names and numbers are left out of the route: few span names, and nothing of a private repository.
        known = {"http.request.method": method, "url.template": route}
        with tracer.start_as_current_span(
            f"{method} {route}", kind=SpanKind.CLIENT, attributes=known
        ) as span:

            def answered(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    span.set_status(Status(StatusCode.ERROR))

            yield answered

    github.watch_requests(watch)


@cache
def _provider(endpoint: str) -> TracerProvider:
    """Return what sends spans to the collector: one in a process, which sends the last ones as it leaves."""
    try:
        # By name: type checkers know them only where they are installed.
        sdk = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        msg = "[tracing] names a collector, and OpenTelemetry is not installed"
        raise SettingsError(msg, hint="pip install 'perdure[tracing]', or leave the endpoint out") from error
    # A collector that is away is said once for each batch, without the traceback of every try.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    of = resources.Resource.create({"service.name": "perdure", "service.version": version("perdure")})
    provider = sdk.TracerProvider(resource=of, shutdown_on_exit=False)
    exporter = otlp.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=_SENT_WITHIN)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    exits.before_leaving(provider.shutdown)
    return cast("TracerProvider", provider)
