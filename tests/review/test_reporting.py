"""Reports: nothing twice, nothing left out, and never better than it was."""

import json

import pytest

from perdure.model.findings import Category, Confidence, Edit, Finding, Severity, Suggestion, fingerprint
from perdure.model.reporting import NOBODY, coverage, findings_digest, make_report, merge, verdict
from perdure.model.review import (
    Change,
    ChangedFile,
    FileOutcome,
    FileState,
    FileStatus,
    ReviewTarget,
    StoredObject,
    UnitRef,
    UnitResult,
    Usage,
    Verdict,
)
from perdure.model.reviewing import Analysis, ReviewPlan, summarise
from perdure.model.sarif import to_sarif

STORED = StoredObject(sha256="0" * 64, size=1)


def finding(rule="R1", line=1, path="a.py", **fields):
    usual = {
        "reviewer": "ruff",
        "category": Category.BUG,
        "severity": Severity.WARNING,
        "message": "wrong",
        "fingerprint": fingerprint(rule, path, "", str(line)),
    }
    return Finding(rule=rule, path=path, start_line=line, end_line=line, **(usual | fields))


def change(*paths, **fields):
    files = tuple(path if isinstance(path, ChangedFile) else ChangedFile(path=path) for path in paths)
    return Change(
        target=ReviewTarget(repository="acme/shop", pull_number=7), head_sha="1", tree="t", files=files
    )


def unit(path, number="1"):
    return UnitRef(unit_id=number, path=path, content=STORED)


def report(*findings, previous=None, files=("a.py",), looked_at=None):
    looked = tuple(files) if looked_at is None else looked_at
    return make_report(
        change(*files),
        ReviewPlan(),
        analysis=Analysis(findings=findings, looked_at=looked, reviewers=("ruff 1",)),
        results=(),
        previous=previous,
    )


def test_what_several_reviewers_say_is_said_once():
    """The surest says it, and names the others; a fix is not lost."""
    fix = Suggestion(edits=(Edit(start_line=1, end_line=1, replacement="x"),))
    secret = finding(
        reviewer="detect-secrets", rule="aws-key", category=Category.SECRET, severity=Severity.ERROR
    )
    password = finding(rule="S105", category=Category.SECURITY, suggestion=fix)
    (merged,) = merge([password, secret])
    assert (merged.reviewer, merged.also) == ("detect-secrets", ("ruff S105",))
    assert merged.suggestion is not None


def test_different_remarks_of_one_reviewer_stay():
    """Two rules about the same line are two remarks."""
    assert len(merge([finding("R1"), finding("R2"), finding("R1", line=2), finding("R1")])) == 3


@pytest.mark.parametrize(
    ("states", "severities", "expected"),
    [
        (["reviewed"], [], Verdict.PASSED),
        (["reviewed", "skipped"], [], Verdict.PARTIAL),
        (["reviewed", "failed"], [], Verdict.PARTIAL),
        (["reviewed", "failed"], ["note"], Verdict.PARTIAL),
        (["reviewed"], ["note"], Verdict.FINDINGS),
        (["failed"], ["warning"], Verdict.FINDINGS),
        ([], [], Verdict.PASSED),
    ],
)
def test_a_partial_review_never_passes(states, severities, expected):
    """What nobody looked at is not known to be good."""
    files = [FileOutcome(path=str(number), state=FileState(state)) for number, state in enumerate(states)]
    findings = [finding(severity=Severity(severity)) for severity in severities]
    assert verdict(files, findings) is expected


def test_every_file_ends_in_one_way():
    """Reviewed, skipped or failed: a file whose parts ended differently has the worst of their ends."""
    files = [
        ChangedFile(path="gone.py", status=FileStatus.REMOVED),
        *(ChangedFile(path=path) for path in ("good", "half", "lost", "lock", "text", "odd", "yml")),
    ]
    plan = ReviewPlan(
        units=(unit("good"), unit("half", "2"), unit("half", "3"), unit("lost", "4"), unit("yml", "5")),
        files=(FileOutcome(path="lock", state=FileState.SKIPPED, reason="generated"),),
    )
    results = [
        UnitResult(unit_id="1", path="good"),
        UnitResult(unit_id="2", path="half"),
        UnitResult(unit_id="3", path="half", state=FileState.SKIPPED, reason="over budget"),
        UnitResult(unit_id="5", path="yml"),
    ]
    analysis = Analysis(
        looked_at=("text", "good", "lock"),
        failed=(FileOutcome(path="yml", state=FileState.FAILED, reason="unreadable"),),
    )
    ends = coverage(change(*files), plan, analysis=analysis, results=results)

    assert [(end.path, end.state.value, end.reason) for end in ends] == [
        ("gone.py", "reviewed", "removed"),
        ("good", "reviewed", ""),
        ("half", "skipped", "over budget"),
        ("lost", "failed", "was not reviewed"),
        ("lock", "skipped", "generated"),
        ("text", "reviewed", ""),
        ("odd", "skipped", NOBODY),
        ("yml", "failed", "unreadable"),
    ]


def test_findings_are_carried_from_push_to_push():
    """Still present, fixed, or not known because nobody could look: then it stays."""
    first = report(finding("R1"), finding("R2"), finding("R3", path="b.py"), files=("a.py", "b.py"))
    second = report(finding("R1"), finding("R4"), previous=first, files=("a.py", "b.py"), looked_at=("a.py",))

    assert [each.rule for each in second.findings] == ["R1", "R4", "R3"]
    assert [each.rule for each in second.fixed] == ["R2"]
    assert set(second.still_present) == {finding("R1").fingerprint, finding("R3", path="b.py").fingerprint}


def test_a_file_that_is_not_part_of_the_change_any_more_has_no_findings_left():
    """A push that takes a change back settles what was said about it."""
    second = report(previous=report(finding("R1", path="b.py"), files=("b.py",)))
    assert ([each.rule for each in second.fixed], second.verdict) == (["R1"], Verdict.PASSED)


def test_an_approval_is_bound_to_what_would_be_done():
    """Another finding or another suggestion is another digest; the same ones are the same."""
    fix = Suggestion(edits=(Edit(start_line=1, end_line=1, replacement="x"),))
    one, same, other = report(finding()), report(finding()), report(finding(suggestion=fix))
    digests = [findings_digest(each.findings) for each in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_summary_tells_what_a_workflow_decides_by():
    """Counts and categories; the rest is in the report."""
    made = report(finding(), finding("R2", severity=Severity.NOTE, confidence=Confidence.LOW))
    summary = summarise(made, stored=STORED, sarif=STORED, digest="abc")
    assert summary.found == {Severity.WARNING: 1, Severity.NOTE: 1}
    assert (summary.low_confidence, summary.files) == (True, {FileState.REVIEWED: 1})


def test_models_are_named_and_what_they_cost_is_added_up():
    """Who looked, and what it took."""
    results = [
        UnitResult(unit_id=str(number), path="a.py", model="openai:x prompt review-1", usage=Usage(cost=5))
        for number in range(2)
    ]
    plan = ReviewPlan(units=(unit("a.py", "0"), unit("a.py", "1")))
    made = make_report(change("a.py"), plan, analysis=Analysis(reviewers=("ruff 1",)), results=results)
    assert made.reviewers == ("ruff 1", "model openai:x prompt review-1")
    assert (made.usage.cost, made.verdict) == (10, Verdict.PASSED)


def test_sarif_says_what_was_found_and_what_was_left_out():
    """Other tools read it: rules by index, lines from 1, fixes as regions, and no silent gap."""
    fix = Suggestion(edits=(Edit(start_line=2, end_line=1, replacement="new\n"),))
    made = report(
        finding(suggestion=fix, symbol="f", help_url="https://docs.astral.sh/ruff"),
        finding("R2", path="dir/a b.py", severity=Severity.ERROR),
        files=("a.py", "dir/a b.py", "odd"),
        looked_at=("a.py", "dir/a b.py"),
    )
    log = json.loads(json.dumps(to_sarif(made, version="1.2")))
    run = log["runs"][0]
    first, second = run["results"]

    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ruff/R1", "ruff/R2"]
    assert all(
        run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"]
    )
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "dir/a%20b.py"
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["deletedRegion"] == {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 1}
    assert replacement["insertedContent"] == {"text": "new\n"}
    (left_out,) = run["invocations"][0]["toolExecutionNotifications"]
    assert left_out["message"]["text"] == f"skipped: {NOBODY}"
    assert {each["baselineState"] for each in run["results"]} == {"new"}
