"""Hidden marks in what Perdure posts: how it knows its own comments, and what it has said already.

Everybody can write such a mark. So only what was posted under Perdure's own login counts, and nothing of
hostile origin gets into a text of its own as markup: see :mod:`perdure.model.plain_text`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from perdure.model.base import Model
from perdure.model.findings import Finding
from perdure.model.pull_requests import PostedComment, PostedReview

_KEY = r"[0-9a-f]{32}"
_FINDING = re.compile(rf"<!-- perdure:finding ({_KEY}) ([\w./-]*) -->")
_REVIEW = re.compile(
    r"<!-- perdure:review head=([0-9a-f]{40}) digest=([0-9a-f]{8,64})"
    rf" said=((?:{_KEY},?)*) fixed=((?:{_KEY},?)*) -->"
)
_TALK = "<!-- perdure:said {key} -->"
MOST_KEYS = 200
"""So that a mark stays far below what a comment may hold."""


class ReviewMark(Model):
    """What a review of Perdure's says about itself.

    Attributes:
        said: Keys of the findings that it says, on lines or in its summary.
        fixed: Keys of the findings that it says are gone.
    """

    head_sha: str
    digest: str
    said: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class SaidFinding(Model):
    """A finding that the pull request shows.

    Attributes:
        rule: The reviewer's name for it; empty where only a summary has said it.
        path: Its file; empty likewise.
    """

    key: str
    rule: str = ""
    path: str = ""


def key_of(finding: Finding) -> str:
    """Return what identifies a finding across pushes: its fingerprint, in one form."""
    if re.fullmatch(_KEY, finding.fingerprint):
        return finding.fingerprint
    text = finding.fingerprint or "\0".join((finding.rule, finding.path, finding.symbol, finding.message))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def finding_mark(finding: Finding) -> str:
    """Return the mark of a finding's comment."""
    rule = re.sub(r"[^\w./-]|--", "", finding.rule)[:80]
    return f"<!-- perdure:finding {key_of(finding)} {rule.rstrip('-')} -->"


def review_mark(mark: ReviewMark) -> str:
    """Return the mark of a review."""
    said, fixed = (",".join(keys[:MOST_KEYS]) for keys in (mark.said, mark.fixed))
    return f"<!-- perdure:review head={mark.head_sha} digest={mark.digest} said={said} fixed={fixed} -->"


def read_review_mark(body: str) -> ReviewMark | None:
    """Return what a review says about itself, or ``None`` where it is none of Perdure's."""
    match = _REVIEW.search(body)
    if match is None:
        return None
    return ReviewMark(
        head_sha=match[1], digest=match[2], said=_split_keys(match[3]), fixed=_split_keys(match[4])
    )


def talk_mark(key: str) -> str:
    """Return the mark of a comment on a pull request as a whole."""
    return _TALK.format(key=re.sub(r"[^\w.-]|--", "", key))


def find_review(reviews: Iterable[PostedReview], author: str, head_sha: str) -> PostedReview | None:
    """Return Perdure's review of a commit, the first where there are several."""
    for review in reviews:
        mark = read_review_mark(review.body) if _is_by(review.author, author) else None
        if mark is not None and mark.head_sha == head_sha:
            return review
    return None


def find_talk(comments: Iterable[PostedComment], author: str, key: str) -> PostedComment | None:
    """Return Perdure's comment of this key."""
    mark = talk_mark(key)
    return next((each for each in comments if _is_by(each.author, author) and mark in each.body), None)


def what_was_said(
    reviews: Sequence[PostedReview], comments: Sequence[PostedComment], author: str
) -> Mapping[str, SaidFinding]:
    """Return the findings that a pull request shows as open, by key, in the order of their reviews."""
    own = [
        (each, found) for each in comments if _is_by(each.author, author) and (found := _read_finding(each))
    ]
    details = {found.key: found for _, found in own}
    open_findings: dict[str, SaidFinding] = {}
    for review in sorted(reviews, key=lambda each: each.review_id):
        mark = read_review_mark(review.body) if _is_by(review.author, author) else None
        commented = [found.key for each, found in own if each.review_id == review.review_id]
        for key in (*commented, *(mark.said if mark else ())):
            open_findings[key] = details.get(key, SaidFinding(key=key))
        for key in mark.fixed if mark else ():
            open_findings.pop(key, None)
    return open_findings


def _read_finding(comment: PostedComment) -> SaidFinding | None:
    match = _FINDING.search(comment.body)
    return SaidFinding(key=match[1], rule=match[2], path=comment.path) if match else None


def _is_by(author: str, expected: str) -> bool:
    return bool(author) and author.lower() == expected.lower()


def _split_keys(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
