"""The page for Prometheus: where it is, what stands on it, and the files that read it."""

import json
import shutil
import socket
import subprocess

import pytest

from metric_page import ALERTS, DASHBOARDS, DEPLOY, names_read, page_of, rules
from perdure.config import MetricsSettings, Settings
from perdure.engine.metrics import open_runtime, page_url, with_metrics
from perdure.engine.ports import free_port
from perdure.engine.sampling import COUNTED
from perdure.errors import UsageError
from perdure.model import metrics
from perdure.workflows.registry import WORKFLOWS

_UNBOUNDED = ("id", "repository", "url", "login", "user", "name", "path", "sha")


def test_every_metric_has_a_name_of_its_own_and_says_what_it_is():
    """Two things under one name would be added up."""
    names = [metric.exported for metric in metrics.ALL]
    assert len(set(names)) == len(names)
    assert all(name.startswith("perdure_") for name in names)
    assert all(metric.about.endswith(".") for metric in metrics.ALL)
    defined = {value.name for value in vars(metrics).values() if isinstance(value, metrics.Metric)}
    assert defined == {metric.name for metric in metrics.ALL}


@pytest.mark.parametrize("metric", metrics.ALL, ids=lambda metric: metric.name)
def test_no_label_can_hold_an_id(metric):
    """However many releases there are, there are as many time series as before."""
    for label in metric.labels:
        assert not any(label == word or label.endswith(f"_{word}") for word in _UNBOUNDED)


def test_workflows_are_counted_by_types_that_there_are():
    """A type that was renamed would be counted as none for ever."""
    assert set(COUNTED) <= {definition.__name__ for definition in WORKFLOWS}
    counting = {name for metric in metrics.ALL for name in metric.counted_by if name.endswith("Workflow")}
    assert counting <= {definition.__name__ for definition in WORKFLOWS}


def test_histories_are_counted_at_the_limit_that_alerts_ask_about():
    """An alert about 80 % needs a bucket that ends there."""
    assert 0.8 * metrics.HISTORY_EVENTS_LIMIT in metrics.HISTORY_EVENTS.buckets
    assert 0.8 * metrics.HISTORY_BYTES_LIMIT in metrics.HISTORY_SIZE.buckets
    asked = next(rule["expr"] for rule in rules() if rule.get("alert") == "PerdureHistoryLong")
    assert f'le="{0.8 * metrics.HISTORY_EVENTS_LIMIT:.0f}"' in asked
    assert f'le="{0.8 * metrics.HISTORY_BYTES_LIMIT:.0f}"' in asked


async def test_the_page_shows_what_is_counted():
    """Counters, gauges and histograms stand there under the names that Perdure says they have."""
    address = f"127.0.0.1:{free_port()}"
    runtime = open_runtime(address)
    meter = runtime.metric_meter
    for metric in metrics.ALL:
        match metric.kind:
            case "counter":
                meter.create_counter(metric.name, metric.about).add(1)
            case "gauge":
                meter.create_gauge_float(metric.name, metric.about).set(1.5)
            case "histogram":
                meter.create_histogram(metric.name, metric.about, metric.unit or None).record(7)
    page = await page_of(page_url(address))
    for metric in metrics.ALL:
        suffix = "_bucket" if metric.kind == "histogram" else ""
        assert (metric.exported + suffix) in {name for name, _ in page}
    bounds = {
        float(labels["le"]) for name, labels in page if name == "perdure_workflow_history_events_bucket"
    }
    assert bounds == {*metrics.HISTORY_EVENTS.buckets, float("inf")}


def test_an_address_that_is_taken_is_said_with_who_has_it():
    """A worker without its page would look like one that is down, so it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError, match=rf"{address}: Address already in use by process \d+") as refused:
            open_runtime(address)
    assert "--metrics" in refused.value.hint


@pytest.mark.parametrize("address", ["", "9464", "localhost", "127.0.0.1:x", "127.0.0.1:65536", "host:9464"])
def test_what_is_no_address_is_refused_before_anything_starts(address):
    """The message says how one is written."""
    with pytest.raises(UsageError, match="is no address to listen on") as refused:
        with_metrics(Settings(), address)
    assert "127.0.0.1:9464" in refused.value.hint


def test_what_is_typed_beats_the_settings():
    """Two workers on one machine can share a settings file."""
    settings = Settings(metrics=MetricsSettings(address="127.0.0.1:9464"))
    assert with_metrics(settings, None).metrics.address == "127.0.0.1:9464"
    assert with_metrics(settings, "localhost:9465").metrics.address == "127.0.0.1:9465"
    assert page_url("[::1]:9465") == "http://[::1]:9465/metrics"


def test_every_metric_of_perdures_is_read_by_a_dashboard_or_an_alert():
    """What nobody reads is not counted."""
    read = set(names_read())
    for metric in metrics.ALL:
        assert {metric.exported, f"{metric.exported}_bucket"} & read, metric.name


def test_the_guide_names_every_metric_and_every_alert():
    """Who reads a number or is woken by an alert finds what it means."""
    guide = (DEPLOY.parent / "docs" / "guides" / "metrics.md").read_text()
    for metric in metrics.ALL:
        assert f"| `{metric.exported}` |" in guide
    for rule in rules():
        assert "alert" not in rule or f"`{rule['alert']}`" in guide


def test_every_alert_says_what_is_wrong_and_what_to_do():
    """Who is woken by one learns both from it."""
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"warning", "critical"}
            assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_imported(path):
    """Its panels have ids of their own, lie beside each other, and take the data source that is chosen."""
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    drawn = [panel for panel in panels if panel["type"] != "row"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in drawn)
    assert all(panel["targets"] for panel in drawn)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is in Debian's package prometheus")
def test_the_alerts_ring_when_they_should_and_not_otherwise():
    """Prometheus's own tool takes the files, and runs the cases beside them."""
    cases = DEPLOY / "prometheus" / "alerts.test.yml"
    for command in (
        ["check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")],
        ["check", "rules", str(ALERTS)],
        ["test", "rules", str(cases)],
    ):
        done = subprocess.run(
            ["promtool", *command], capture_output=True, text=True, timeout=60, check=False, cwd=cases.parent
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_where_it_rings_and_one_where_it_is_silent():
    """An alert that nobody has seen ring is a guess."""
    from ruamel.yaml import YAML

    cases = YAML(typ="safe").load(DEPLOY / "prometheus" / "alerts.test.yml")["tests"]
    tried = [test for case in cases for test in case["alert_rule_test"]]
    for rule in rules():
        if "alert" in rule:
            expected = {bool(test["exp_alerts"]) for test in tried if test["alertname"] == rule["alert"]}
            assert True in expected, rule["alert"]
            assert False in expected or rule["alert"] == "PerdureWorkflowTasksStartLate", rule["alert"]
