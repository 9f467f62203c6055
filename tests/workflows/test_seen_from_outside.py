"""What is seen of a worker after a short life: all that alerts and dashboards ask for, and its log."""

import dataclasses
import json
import logging

import pytest
from temporalio.service import RPCError

from metric_page import names_read, page_with
from perdure.config import MetricsSettings
from perdure.engine.connection import connect
from perdure.engine.logs import JsonFormatter
from perdure.engine.metrics import BUCKETS, open_runtime, page_url
from perdure.engine.ports import free_port
from perdure.errors import PerdureError
from perdure.model.metrics import MODEL_COST, MODEL_TOKENS

_LABELS = {
    *("namespace", "task_queue", "workflow_type", "activity_type", "task_type"),
    *("outcome", "waiting_on", "method", "route", "model", "direction"),
    *("operation", "status_code", "worker_type", "poller_type", "failure_reason", "eager", "le"),
}

# Counted by reviews, with names of models that nobody knows beforehand.
_OF_MODELS = {MODEL_TOKENS.exported, MODEL_COST.exported}


@pytest.fixture
async def measured(idle_house):
    """The house, seen through a page, with a memory for one workflow alone."""
    address = f"127.0.0.1:{free_port()}"
    page = MetricsSettings(address=address, sample_interval=1)
    worker = idle_house.settings.worker.model_copy(update={"max_cached_workflows": 1})
    settings = idle_house.settings.model_copy(update={"metrics": page, "worker": worker})
    client = await connect(
        address=idle_house.client.service_client.config.target_host,
        namespace="default",
        runtime=open_runtime(address),
        settings=settings,
    )
    house = dataclasses.replace(idle_house, client=client, settings=settings)
    async with house.workers():
        yield house, page_url(address)


async def test_every_metric_that_an_alert_or_a_panel_reads_is_there(measured):
    """No alert waits for a name that nothing has; no label holds an id, so that pages stay small."""
    house, url = measured
    running = [await house.start(inputs={"message": f"number {number}"}) for number in range(2)]
    results = [await action.result() for action in running]
    with pytest.raises(PerdureError):
        await (await house.start("none.yml")).result()
    with pytest.raises(RPCError):
        await house.client.get_workflow_handle("nobody-has-this-id").describe()
    page = await page_with(url, *(names_read().keys() - _OF_MODELS))
    assert {label for _, labels in page for label in labels} <= _LABELS
    said = {text for _, labels in page for text in labels.values()}
    ids = {str(result.actions_run_id) for result in results} | {action.id for action in running}
    assert not [text for text in said if "acme" in text or text in ids]
    for name in ("temporal_activity_schedule_to_start_latency", "temporal_workflow_endtoend_latency"):
        found = {labels["le"] for said, labels in page if said == f"{name}_seconds_bucket"}
        assert {float(bound) for bound in found} == {*BUCKETS[name], float("inf")}
    dispatched = [labels for name, labels in page if name == "perdure_dispatches_total"]
    assert {labels["outcome"] for labels in dispatched} >= {"started", "ambiguous", "refused"}


async def test_what_happens_to_an_action_is_logged_with_its_address(house, caplog):
    """From a line in the worker's log one comes to the run at GitHub."""
    caplog.set_level(logging.INFO, logger="temporalio.workflow")
    action = await house.start()
    result = await action.result()
    fields = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    said = [each for each in fields if each.get("workflow_id") == action.id]
    assert any(each["message"].startswith("dispatched") for each in said)
    assert any(each.get("actions_url") == result.html_url for each in said)
