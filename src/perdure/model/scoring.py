"""How good a reviewer is: what it found of what it should have, and what it said for nothing."""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from perdure.model.base import Model
from perdure.model.findings import Category, Finding

TOLERANCE = 2
"""Lines that a finding may be away from the one that was expected."""


class ExpectedFinding(Model):
    """A mistake that a reviewer should find.

    Attributes:
        path: The file.
        line: The line, after the change.
        category: What it is about; a finding about anything else does not count, where this is given.
    """

    path: str
    line: int = Field(ge=1)
    category: Category | None = None


class CaseScore(Model):
    """What came of one case.

    Attributes:
        expected: How many mistakes it holds; none is a clean case.
        found: How many of them were found.
        right: Findings about one of them.
        wrong: Findings about nothing that was expected.
        failed: Files that could not be reviewed, with the reason.
        right_by: Findings that are right, by reviewer.
        wrong_by: Findings that are wrong, by reviewer.
    """

    name: str
    expected: int = 0
    found: int = 0
    right: int = 0
    wrong: int = 0
    failed: tuple[str, ...] = ()
    right_by: dict[str, int] = Field(default_factory=dict)
    wrong_by: dict[str, int] = Field(default_factory=dict)
    missed: tuple[ExpectedFinding, ...] = ()
    surplus: tuple[Finding, ...] = ()


class Score(Model):
    """What came of all cases.

    Attributes:
        recall: Which part of the mistakes was found; ``None`` without any.
        precision: Which part of the findings is right; ``None`` without any.
        clean: How many cases hold no mistake.
        alarmed: How many of those got a finding.
        cost: In millionths of a US dollar.
    """

    cases: tuple[CaseScore, ...]
    reviewers: tuple[str, ...] = ()
    recall: float | None = None
    precision: float | None = None
    clean: int = 0
    alarmed: int = 0
    cost: int = 0


def score_case(
    name: str,
    expected: Sequence[ExpectedFinding],
    findings: Sequence[Finding],
    *,
    failed: Sequence[str] = (),
) -> CaseScore:
    """Compare findings with what was expected."""
    right = [finding for finding in findings if any(_is_about(finding, each) for each in expected)]
    wrong = [finding for finding in findings if finding not in right]
    missed = tuple(each for each in expected if not any(_is_about(finding, each) for finding in findings))
    return CaseScore(
        name=name,
        expected=len(expected),
        found=len(expected) - len(missed),
        right=len(right),
        wrong=len(wrong),
        failed=tuple(failed),
        right_by=dict(Counter(finding.reviewer for finding in right)),
        wrong_by=dict(Counter(finding.reviewer for finding in wrong)),
        missed=missed,
        surplus=tuple(wrong),
    )


def total(cases: Sequence[CaseScore], *, reviewers: Sequence[str] = (), cost: int = 0) -> Score:
    """Return the score over all cases."""
    clean = [case for case in cases if not case.expected]
    return Score(
        cases=tuple(cases),
        reviewers=tuple(reviewers),
        recall=_part(sum(case.found for case in cases), sum(case.expected for case in cases)),
        precision=_part(sum(case.right for case in cases), sum(case.right + case.wrong for case in cases)),
        clean=len(clean),
        alarmed=sum(case.wrong > 0 for case in clean),
        cost=cost,
    )


def _is_about(finding: Finding, expected: ExpectedFinding) -> bool:
    return (
        finding.path == expected.path
        and finding.start_line - TOLERANCE <= expected.line <= finding.end_line + TOLERANCE
        and expected.category in {None, finding.category}
    )


def _part(some: int, of: int) -> float | None:
    return some / of if of else None
