"""A fleet's page: everything in it, nothing from elsewhere, nothing that runs but its own script."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from perdure.cli._fleet_page import fleet_page
from perdure.model.actions import StoredObject
from perdure.model.fleet import ItemResult, Outcome
from perdure.model.fleet_progress import Counts, FleetConclusion, FleetProgress

BEGUN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOSTILE = "</td><script>alert(1)</script><img src=https://example.test/x onerror=alert(1)>"


def result(number, seconds, outcome=Outcome.SUCCEEDED, **fields):
    return ItemResult(
        index=number,
        outcome=outcome,
        started_at=BEGUN + timedelta(seconds=number),
        ended_at=BEGUN + timedelta(seconds=number + seconds),
        **{"key": f"acme/service-{number}", **fields},
    )


RESULTS = [
    result(0, 90, cost=120_000, value={"verdict": "passed"}),
    result(1, 5, cost=30_000, stored=StoredObject(sha256="a" * 64, size=9_000)),
    result(2, 30, Outcome.FAILED, key=HOSTILE, reason=f"{HOSTILE} is bad"),
    result(3, 1, Outcome.CANCELLED, reason="the fleet was cancelled"),
]


def page(results=RESULTS, **changes):
    counts = Counts(total=6, read=6, succeeded=2, failed=1, cancelled=1, cost=150_000)
    progress = FleetProgress(
        **{
            "name": "nightly",
            "counts": counts,
            "max_parallel": 10,
            "most_parallel": 3,
            "started_at": BEGUN,
            "ended_at": BEGUN + timedelta(minutes=2),
            "conclusion": FleetConclusion.FAILURE,
            **changes,
        }
    )
    return fleet_page("fleet/nightly/one", progress, results, now=BEGUN + timedelta(minutes=5))


class Read(HTMLParser):
    """What a page holds, as a browser reads it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.addresses, self.handlers, self.cells = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in {"meta", "input"}:
            self.open.append(tag)
        for name, value in attributes:
            if name in {"src", "href", "srcset", "data", "action"}:
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(value)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes nothing"

    def handle_data(self, text):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += text


def test_the_page_is_whole_and_loads_nothing():
    """Every tag is closed, no address is named, and its policy would let none be loaded."""
    found = Read(page())
    assert found.open == []
    assert found.addresses == []
    assert found.handlers == []
    assert found.tags.count("script") == 1
    assert "default-src 'none'" in page()
    assert "http" not in page().replace(HOSTILE, "").replace("http-equiv", "").replace(
        "https://example.test/x", ""
    )


def test_names_and_reasons_from_elsewhere_are_text():
    """A repository or an error message cannot put anything of its own on the page."""
    found = Read(page())
    assert "img" not in found.tags
    assert HOSTILE in found.cells
    assert f"{HOSTILE} is bad" in found.cells


def test_every_result_has_a_row_in_the_order_of_the_list():
    """Place, item, outcome, time, cost and result of each."""
    cells = Read(page()).cells
    assert cells[:6] == ["#", "Item", "Outcome", "Took", "Cost", "Result"]
    assert cells[6:12] == ["1", "acme/service-0", "succeeded", "1.5m", "$0.12", '{"verdict": "passed"}']
    assert cells[17].startswith("9,000 bytes, stored as aaa")
    assert len(cells) == 6 * 5


def test_the_charts_say_in_words_what_they_show():
    """Whoever does not see them is told the same."""
    labels = re.findall(r'aria-label="([^"]*)"', page())
    assert labels[0] == "Outcome: 2 succeeded, 1 failed, 1 cancelled, 2 not ended"
    assert labels[1] == "Time for each item: half within 30s, 95% within 90s"
    assert labels[2] == "Under way at once: at most 4"
    assert labels[3] == "Cost of each item: $0.15 in all; half cost at most $0.12"


def test_a_fleet_of_which_nothing_has_ended_has_a_page():
    """Nothing is divided by nothing."""
    text = page(results=[], counts=Counts(), conclusion=None, ended_at=None)
    assert Read(text).open == []
    assert "nothing has ended" in text
    assert "Has run for" in text


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_sorts_and_filters_the_rows(tmp_path):
    """A click on a heading sorts by value and not by text; the filter hides what does not fit."""
    steps = """<script>
      const button = (n) => document.querySelectorAll("th button")[n].click();
      const keys = () => Array.from(document.querySelectorAll("tbody tr"))
        .filter((row) => !row.hidden).map((row) => row.cells[0].textContent).join("");
      const seen = [];
      button(3); seen.push(keys());
      button(3); seen.push(keys());
      button(4); seen.push(keys());
      const filter = document.getElementById("filter");
      filter.value = "SERVICE-1"; filter.dispatchEvent(new Event("input")); seen.push(keys());
      document.title = seen.join(" ");
    </script></body>"""
    file = tmp_path / "page.html"
    file.write_text(page().replace("</body>", steps), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        ["chromium", *options, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=100
    )
    title = re.search(r"<title>(.*)</title>", shown.stdout)
    assert title is not None, shown.stderr
    order = title[1].split()
    assert order[:2] == ["4231", "1324"]
    assert order[2].endswith("21")
    assert order[3] == "2"
