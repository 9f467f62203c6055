"""What is planted is found, and what only looks like it is not."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from perdure.checks.determinism.checking import check
from perdure.checks.determinism.configuration import Configuration
from perdure.checks.determinism.rules import RULES

HERE = Path(__file__).parent
_EXPECTED = re.compile(r"# expect: ([\w -]+)$")


@cache
def report_of(folder):
    report, _ = check([HERE / folder], Configuration())
    return report


def planted():
    """Return how often each rule is to be found on each line."""
    return Counter(
        (path.name, number, rule)
        for path in sorted((HERE / "planted").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        for found in [_EXPECTED.search(line)]
        if found is not None
        for rule in found[1].split()
    )


def test_every_planted_mistake_is_found_in_its_line():
    """Nothing that is planted is missed, and nothing else is reported there."""
    found = Counter(
        (Path(finding.place.path).name, finding.place.line, finding.rule_id)
        for finding in report_of("planted").findings
    )
    assert found - planted() == Counter()
    assert planted() - found == Counter()


def test_there_are_enough_of_every_kind():
    """At least 60 mistakes, of every rule that code can break."""
    assert planted().total() >= 60
    assert {rule for _, _, rule in planted()} >= RULES.keys() - {"declared", "exemption", "interpreter"}


def test_a_mistake_five_calls_away_is_found_with_the_way_there():
    """The chain names every function from the workflow to the call, with where it goes on."""
    finding = next(f for f in report_of("planted").findings if Path(f.place.path).name == "wires.py")
    assert [step.name for step in finding.chain] == [
        "ChainWorkflow.run",
        "total",
        "price",
        "Rates.today",
        "Rates._fetch",
        "ask",
    ]
    assert [Path(step.place.path).stem for step in finding.chain] == [
        "chains",
        "prices",
        "prices",
        "rates",
        "rates",
        "wires",
    ]


def test_near_misses_are_not_reported():
    """At least 60 lines that look like mistakes stay silent, and workflows do get to them."""
    text = "".join(path.read_text() for path in (HERE / "near_misses").rglob("*.py"))
    assert text.count("# fine:") >= 60
    report = report_of("near_misses")
    assert [str(finding.place) for finding in report.findings] == []
    assert (report.workflows, report.unreadable) == (4, ())
    assert report.functions >= 20


@pytest.mark.parametrize("rule", RULES.values(), ids=str)
def test_every_rule_says_why_and_what_instead(rule):
    """Whoever is shown a finding learns what to do."""
    assert rule.why.endswith(".")
    assert rule.instead
    assert not rule.instead.endswith(".")
