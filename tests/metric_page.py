"""What a worker's page for Prometheus says, and what the files in deploy/ read off it."""

import asyncio
import json
import re
import time
import urllib.request
from pathlib import Path

from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[1] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
_NAME = re.compile(r"(?<![:\w$])(?:perdure|temporal)_\w+")
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


async def page_of(url):
    """Return every sample as its name and labels."""
    with await asyncio.to_thread(urllib.request.urlopen, url, timeout=10) as answer:
        text = answer.read().decode()
    found = [_SAMPLE.match(line) for line in text.splitlines() if line and not line.startswith("#")]
    assert all(found), text
    return [(sample[1], dict(_LABEL.findall(sample[2] or ""))) for sample in found]


async def page_with(url, *names, within=60.0):
    """Wait until the page has the names, and return it."""
    give_up_at = time.monotonic() + within
    while True:
        page = await page_of(url)
        missing = set(names) - {name for name, _ in page}
        if not missing:
            return page
        assert time.monotonic() < give_up_at, f"the page has no {', '.join(sorted(missing))}"
        await asyncio.sleep(0.1)


def rules():
    """Return the rules of the alerts' file."""
    content = YAML(typ="safe").load(ALERTS)
    return [rule for group in content["groups"] for rule in group["rules"]]


def expressions():
    """Yield where each expression stands, and itself."""
    for rule in rules():
        yield f"alerts.yml: {rule.get('alert') or rule['record']}", rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name}: {panel['title']}", target["expr"]


def names_read():
    """Return every metric that a rule or a panel names, and where."""
    found = {}
    for where, expression in expressions():
        for name in _NAME.findall(expression):
            found.setdefault(name, where)
    return found
