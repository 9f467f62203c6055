"""Text of hostile origin is shown and does nothing, as a Markdown parser sees it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perdure.model.findings import Category, Finding, Severity
from perdure.model.plain_text import BREAK, WITHHELD, code, fenced, redact, shown
from perdure.model.pull_requests import PostedComment, PostedReview
from perdure.model.review_marks import (
    ReviewMark,
    finding_mark,
    key_of,
    read_review_mark,
    review_mark,
    what_was_said,
)

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from("`*_[]()<>!@#&|~\\:/.-+=1aG \n\t"), st.characters(codec="utf-8")),
    max_size=120,
)
LIVE = re.compile(r"@\w|#\d|://|www\.|GH-\d|\b[0-9a-f]{7,40}\b", re.IGNORECASE)


def inline(text):
    """Return the inline tokens of a Markdown text, which is one paragraph."""
    tokens = MARKDOWN.parse(text)
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"]), tokens
    return tokens[1].children if tokens else []


@given(HOSTILE)
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_of_a_text_is_markup(text):
    """Whatever it is, it becomes one paragraph of text and code spans, with nothing alive in the text."""
    for token in inline(f"Said: {shown(text)}"):
        assert token.type in {"text", "text_special", "code_inline"}
    words = "".join(token.content for token in inline(shown(text)) if token.type != "code_inline")
    assert not LIVE.search(words)


@given(HOSTILE)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_a_name_is_one_code_span(text):
    """Paths and rules stand in a span of their own whatever they hold."""
    made = code(text)
    assert not made or [token.type for token in inline(made)] == ["code_inline"]


@given(HOSTILE)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_a_block_ends_where_it_should(text):
    """No line of a suggestion can end its block."""
    tokens = MARKDOWN.parse(fenced(text, "suggestion"))
    assert [token.type for token in tokens] == ["fence"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "plain words"),
        ("use `os.path` here", "use `os.path` here"),
        ("a_b *c*", r"a\_b \*c\*"),
        ("ping @octocat", f"ping @{BREAK}octocat"),
        ("see 0123456789abc", f"see 012345{BREAK}6789ab{BREAK}c"),
        ("two\nlines", "two lines"),
        ("a\u202eb\x07c", "abc"),
    ],
)
def test_ordinary_text_stays_readable(text, expected):
    """Code spans stay, markup is shown, what is invisible goes."""
    assert shown(text) == expected


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "A1b2" * 8,
        "AKIA" + "ABCD1234" * 2,
        "sk-proj-" + "a1B2" * 8,
        "xoxb-1234567890-abcdef",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh",
    ],
)
def test_secrets_go_and_words_stay(secret):
    """The whole secret is replaced, what surrounds it is not."""
    assert redact(f"before {secret} after") == f"before {WITHHELD} after"
    assert redact("postgres://user:hunter22@db.example/x") == f"postgres://{WITHHELD}@db.example/x"
    assert redact("a skeleton key, sk-1, AKIA") == "a skeleton key, sk-1, AKIA"


def finding(**changes):
    made = {"reviewer": "x", "rule": "R", "category": Category.BUG, "severity": Severity.NOTE, "path": "a.py"}
    return Finding(**{**made, "start_line": 1, "end_line": 1, "message": "m", **changes})


def test_a_mark_reads_back():
    """What a review says about itself is what is read from it."""
    mark = ReviewMark(head_sha="a" * 40, digest="b" * 32, said=("c" * 32, "d" * 32), fixed=("e" * 32,))

    assert read_review_mark(f"text\n\n{review_mark(mark)}") == mark
    assert read_review_mark(review_mark(ReviewMark(head_sha="a" * 40, digest="b" * 32))).said == ()
    assert read_review_mark("<!-- perdure:review head=x -->") is None


def test_a_rule_cannot_end_its_mark():
    """A reviewer's name for a rule is cut to what a mark may hold."""
    mark = finding_mark(finding(rule="R --> <b>x</b>"))

    assert mark.count("-->") == 1
    assert mark.endswith(" -->")
    assert "<b>" not in mark


def test_findings_without_a_usual_fingerprint_have_a_key_too():
    """Reviewers of other makes are told apart by what they say."""
    assert key_of(finding(fingerprint="0" * 32)) == "0" * 32
    assert key_of(finding(fingerprint="odd")) == key_of(finding(fingerprint="odd", start_line=5, end_line=5))
    assert key_of(finding()) != key_of(finding(message="other"))


def test_what_was_said_follows_the_order_of_reviews():
    """Said, fixed, said again; a comment that lost its review's text still counts; others' never do."""
    one, two = "1" * 32, "2" * 32

    def review(number, said=(), fixed=(), author="bot"):
        mark = ReviewMark(head_sha="a" * 40, digest="b" * 32, said=said, fixed=fixed)
        return PostedReview(review_id=number, author=author, body=review_mark(mark))

    comment = PostedComment(
        comment_id=1, review_id=4, author="Bot", body=f"<!-- perdure:finding {two} R1 -->", path="a.py"
    )
    forged = comment.model_copy(update={"author": "guest", "body": f"<!-- perdure:finding {'3' * 32} R -->"})
    edited = PostedReview(review_id=4, author="bot", body="somebody took the mark away")

    assert set(what_was_said([review(1, said=(one,))], [], "bot")) == {one}
    assert set(what_was_said([review(2, fixed=(one,)), review(1, said=(one,))], [], "bot")) == set()
    again = what_was_said(
        [review(1, said=(one,)), review(2, fixed=(one,)), review(3, said=(one,))], [], "bot"
    )
    assert set(again) == {one}
    assert set(what_was_said([review(1, said=(one,), author="guest")], [], "bot")) == set()
    found = what_was_said([edited], [comment, forged], "bot")
    assert {key: (each.rule, each.path) for key, each in found.items()} == {two: ("R1", "a.py")}
