"""A review as it is posted: comments on lines, and a summary of everything.

What the pull request shows already is not said again; what is gone is said once.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field

from perdure.model.base import Model
from perdure.model.findings import Finding, Severity
from perdure.model.placing import Nearness, Place, hunks_of, place
from perdure.model.plain_text import Redact, code, fenced, redact, shown
from perdure.model.posting import MOST_LISTED, PublishPolicy, conclusion_of
from perdure.model.pull_requests import DraftComment, FilePatch
from perdure.model.review import FileOutcome, FileState, ReviewReport, Verdict
from perdure.model.review_marks import ReviewMark, SaidFinding, finding_mark, key_of, review_mark

MOST_TEXT = 60_000
"""GitHub takes 65,536 characters in a review or comment, and 65,535 in a check run's summary."""

_T = TypeVar("_T")
_MOST_SUMMARY = 45_000
_MOST_SUGGESTED = 8_000
_TRUSTED_HOSTS = frozenset({"docs.astral.sh", "docs.zizmor.sh", "docs.github.com"})
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class ReviewDraft(Model):
    """A review to post.

    Attributes:
        body: The summary, with its hidden mark.
        summary: The same without, for the check run.
        title: One line.
        is_news: Whether it says anything that the pull request does not show.
        summarised: How many findings the summary lists.
        carried: How many the pull request shows already.
        fixed: How many are gone.
        withheld: How many texts held something like a secret.
    """

    body: str
    summary: str
    title: str
    conclusion: str
    comments: tuple[DraftComment, ...] = ()
    is_news: bool = True
    summarised: int = 0
    carried: int = 0
    fixed: int = 0
    withheld: int = 0


class Known(Model):
    """What is known of the pull request when a review is drafted.

    Attributes:
        patches: What GitHub shows of its files; comments can stand nowhere else.
        said: The findings that it shows as open, by key.
    """

    patches: tuple[FilePatch, ...] = ()
    said: dict[str, SaidFinding] = Field(default_factory=dict)


class _Sorted(Model):
    """The findings of a report by what is to be said of them."""

    placed: tuple[tuple[Finding, Place], ...] = ()
    listed: tuple[Finding, ...] = ()
    carried: tuple[Finding, ...] = ()
    fixed: tuple[SaidFinding, ...] = ()


class Asked(Model):
    """How a review is to be drafted.

    Attributes:
        digest: Of the findings; the review is recognised by it.
        note: A sentence of Perdure's own that ends the summary, which is posted for it alone too. Markdown.
    """

    policy: PublishPolicy = PublishPolicy()
    digest: str
    note: str = ""


def draft_review(
    report: ReviewReport, known: Known, asked: Asked, *, redacted: Redact = redact
) -> ReviewDraft:
    """Return the review to post; ``redacted`` returns a text without its secrets."""
    counted = _Withholding(redacted)
    parts = _sort(report, known, asked.policy.max_comments)
    comments = tuple(_comment(finding, where, counted) for finding, where in parts.placed)
    listed = parts.listed[:MOST_LISTED]
    title = _title(report)
    summary = _summary(report, parts, title, counted)
    summary = f"{summary}\n\n{asked.note}" if asked.note else summary
    said = (*(key_of(finding) for finding, _ in parts.placed), *map(key_of, listed))
    mark = ReviewMark(
        head_sha=report.head_sha,
        digest=asked.digest,
        said=tuple(dict.fromkeys(said)),
        fixed=tuple(each.key for each in parts.fixed),
    )
    return ReviewDraft(
        body=f"{summary}\n\n{review_mark(mark)}",
        summary=summary,
        title=title,
        conclusion=conclusion_of(report, asked.policy),
        comments=comments,
        is_news=bool(comments or listed or parts.fixed or asked.note) or report.verdict is Verdict.PARTIAL,
        summarised=len(parts.listed),
        carried=len(parts.carried),
        fixed=len(parts.fixed),
        withheld=counted.count,
    )


class _Withholding:
    """Takes secrets out of texts and counts those that held any."""

    def __init__(self, redacted: Redact) -> None:
        self._redacted = redacted
        self.count = 0

    def __call__(self, text: str) -> str:
        clean = self._redacted(text)
        self.count += clean != text
        return clean

    def holds_none(self, text: str) -> bool:
        return self(text) == text


def _sort(report: ReviewReport, known: Known, most: int) -> _Sorted:
    hunks = {patch.path: hunks_of(patch.patch) for patch in known.patches}
    new = [finding for finding in report.findings if key_of(finding) not in known.said]
    # The gravest first: where there are too many, the others are listed.
    new.sort(key=lambda finding: (_ORDER[finding.severity], finding.path, finding.start_line))
    placed: list[tuple[Finding, Place]] = []
    listed: list[Finding] = []
    for finding in new:
        where = place(finding.start_line, finding.end_line, hunks.get(finding.path, ()))
        if where is None or len(placed) >= most:
            listed.append(finding)
        else:
            placed.append((finding, where))
    return _Sorted(
        placed=tuple(placed),
        listed=tuple(listed),
        carried=tuple(finding for finding in report.findings if key_of(finding) in known.said),
        fixed=_fixed(report, known.said),
    )


def _fixed(report: ReviewReport, said: Mapping[str, SaidFinding]) -> tuple[SaidFinding, ...]:
    """Return what is gone: what was looked for and not found, never what nobody looked for."""
    present = {key_of(finding) for finding in report.findings}
    names = {key_of(finding): finding for finding in report.fixed}
    unseen = {file.path for file in report.files if file.state is not FileState.REVIEWED}
    gone = []
    for key, each in said.items():
        if key in present:
            continue
        known = names.get(key)
        path = each.path or (known.path if known else "")
        if path in unseen or (not path and report.verdict is Verdict.PARTIAL):
            continue
        gone.append(
            each.model_copy(update={"path": path, "rule": each.rule or (known.rule if known else "")})
        )
    return tuple(gone[:MOST_LISTED])


def _title(report: ReviewReport) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    parts = [_count(counts[severity], word) for severity, word in _WORDS.items() if counts[severity]]
    found = ", ".join(parts) if parts else "Nothing found"
    unseen = sum(file.state is not FileState.REVIEWED for file in report.files)
    if report.verdict is Verdict.PARTIAL:
        return (
            f"{found}; {_count(unseen, 'file')} not reviewed" if unseen else f"{found}; not all was reviewed"
        )
    return found


def _summary(report: ReviewReport, parts: _Sorted, title: str, counted: _Withholding) -> str:
    reviewed = sum(file.state is FileState.REVIEWED for file in report.files)
    head = f"**{title}** in {_count(reviewed, 'reviewed file')} at {report.head_sha[:10]}."
    if parts.carried:
        head += f" {_count(len(parts.carried), 'finding')} said before {_is(len(parts.carried))} still there."
    sections = [
        head,
        _section("Found, and on no line of the diff", parts.listed, lambda each: _listed_line(each, counted)),
        _section("Fixed since it was said", parts.fixed, _fixed_line),
        _section("Not reviewed", _unseen(report.files), lambda file: _unseen_line(file, counted)),
        _by_whom(report),
    ]
    text = "\n\n".join(filter(None, sections))
    return (
        text if len(text) <= _MOST_SUMMARY else f"{text[:_MOST_SUMMARY].rpartition(chr(10))[0]}\n- and more"
    )


def _section(title: str, items: Sequence[_T], line: Callable[[_T], str]) -> str:
    if not items:
        return ""
    lines = [f"- {line(item)}" for item in items[:MOST_LISTED]]
    if len(items) > MOST_LISTED:
        lines.append(f"- and {len(items) - MOST_LISTED:,} more")
    return "\n".join([f"**{title}**", "", *lines])


def _by_whom(report: ReviewReport) -> str:
    said = f"Reviewed by {', '.join(shown(each, limit=100) for each in report.reviewers)}."
    degraded = " ".join(shown(each, limit=300) for each in report.degraded)
    return " ".join(filter(None, [said if report.reviewers else "", degraded]))


def _unseen(files: Sequence[FileOutcome]) -> list[FileOutcome]:
    return sorted(
        (file for file in files if file.state is not FileState.REVIEWED),
        key=lambda file: (file.state is FileState.SKIPPED, file.path),
    )


def _unseen_line(file: FileOutcome, counted: _Withholding) -> str:
    reason = f": {shown(counted(file.reason), limit=300)}" if file.reason else ""
    return f"{code(file.path)} {file.state}{reason}"


def _listed_line(finding: Finding, counted: _Withholding) -> str:
    where = code(f"{finding.path}:{finding.start_line}")
    message = shown(counted(finding.message), limit=300)
    return f"**{_WORDS[finding.severity]}** {where} {_rule(finding)}: {message}"


def _fixed_line(said: SaidFinding) -> str:
    name = code(said.rule) or "a finding that an earlier summary listed"
    return " in ".join(filter(None, [name, code(said.path)]))


def _comment(finding: Finding, where: Place, counted: _Withholding) -> DraftComment:
    lines = [f"**{_WORDS[finding.severity]}** {_rule(finding)}: {shown(counted(finding.message))}"]
    if where.nearness is not Nearness.EXACT:
        span = f"{finding.start_line}" + (
            f" to {finding.end_line}" if finding.end_line > finding.start_line else ""
        )
        lines.append(f"This is about line {span}, which the diff does not show.")
    if finding.also:
        lines.append(f"Also said by {', '.join(code(each) for each in finding.also[:5])}.")
    if (block := _suggestion(finding, where, counted)) is not None:
        lines.append(block)
    text = "\n\n".join([*lines, finding_mark(finding)])
    return DraftComment(path=finding.path, line=where.line, start_line=where.start_line, body=text)


def _suggestion(finding: Finding, where: Place, counted: _Withholding) -> str | None:
    """Return a block that GitHub offers to commit: it replaces exactly the lines that the comment is on."""
    edits = finding.suggestion.edits if finding.suggestion else ()
    if len(edits) != 1 or where.nearness is not Nearness.EXACT:
        return None
    edit, on = edits[0], (where.start_line or where.line, where.line)
    is_small = len(edit.replacement) <= _MOST_SUGGESTED
    if (edit.start_line, edit.end_line) != on or not is_small or not counted.holds_none(edit.replacement):
        return None
    return fenced(edit.replacement, "suggestion")


def _rule(finding: Finding) -> str:
    name = code(f"{finding.reviewer} {finding.rule}")
    address = urlsplit(finding.help_url) if finding.help_url.isascii() else None
    if address is None or address.scheme != "https" or address.netloc not in _TRUSTED_HOSTS:
        return name
    return f"[{name}]({finding.help_url})" if not set(finding.help_url) & set(" ()<>[]\\`\n") else name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
