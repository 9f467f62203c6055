"""A trace from who starts an action to each request at GitHub."""

import asyncio
import dataclasses
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from perdure.config import TracingSettings
from perdure.engine import tracing
from perdure.engine.connection import connect
from perdure.errors import SettingsError


@pytest.fixture
def collector():
    """A collector that keeps what it is sent."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    received = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    serving = Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    serving.join()
    server.server_close()


def spans_of(received):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    requests = [ExportTraceServiceRequest.FromString(body) for body in received]
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_without_its_packages_a_collector_is_refused_with_what_to_install(monkeypatch):
    """Nobody waits for spans that nothing makes."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    tracing._provider.cache_clear()
    with pytest.raises(SettingsError, match="OpenTelemetry is not installed") as refused:
        tracing.tracing_interceptors(TracingSettings(endpoint="http://127.0.0.1:4318"))
    assert "pip install 'perdure[tracing]'" in refused.value.hint


def test_without_a_collector_there_are_no_spans():
    """Nothing is imported, and nothing stands in the way."""
    assert tracing.tracing_interceptors(TracingSettings()) == ()


async def test_a_dispatch_is_in_the_trace_of_whoever_started_the_action(idle_house, collector):
    """From the command through workflow and activity to the POST, and no name of a repository on the way."""
    pytest.importorskip("opentelemetry.sdk", reason="needs opentelemetry-sdk and its OTLP exporter")
    pytest.importorskip("opentelemetry.exporter.otlp", reason="needs opentelemetry-exporter-otlp-proto-http")
    endpoint, received = collector
    settings = idle_house.settings.model_copy(update={"tracing": TracingSettings(endpoint=endpoint)})
    address = idle_house.client.service_client.config.target_host
    client = await connect(address=address, namespace="default", settings=settings)
    house = dataclasses.replace(idle_house, client=client, settings=settings)
    async with house.workers():
        await (await house.start()).result()
    await asyncio.to_thread(tracing._provider(endpoint).shutdown)

    spans = {span.span_id: span for span in spans_of(received)}
    post = "POST /repos/{repository}/actions/workflows/{workflow}/dispatches"
    [dispatch] = [span for span in spans.values() if span.name == post]
    names = []
    span = dispatch
    while span is not None:
        names.append(span.name)
        assert span.trace_id == dispatch.trace_id
        span = spans.get(span.parent_span_id)
    assert names[1:] == [
        "RunActivity:dispatch_actions_workflow",
        "StartActivity:dispatch_actions_workflow",
        "StartWorkflow:ActionWorkflow",
    ]
    assert not [span.name for span in spans.values() if "acme" in span.name]
