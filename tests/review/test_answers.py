"""What is believed of a model that read hostile text: little, and nothing that leads anywhere."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.ai.answers import Remark, findings_of, plain_text
from perdure.ai.secret_text import holds_secret
from perdure.model.review import LineRange, ReviewUnit

UNIT = ReviewUnit(
    path="a.py",
    symbol="f",
    start_line=11,
    text="one\ntwo\nthree\nfour\n",
    added=(LineRange(start=12, end=13),),
)


def remark(**fields):
    usual = {
        "line": 2,
        "category": "bug",
        "severity": "error",
        "confidence": "high",
        "rule": "off-by-one",
        "message": "wrong",
    }
    return Remark.model_validate(usual | fields)


def test_lines_and_path_are_the_units():
    """A model cannot name a file at all, and its lines are counted from the unit's first one."""
    (finding,) = findings_of([remark(line=1, end_line=2)], UNIT)
    assert (finding.path, finding.symbol, finding.start_line, finding.end_line) == ("a.py", "f", 11, 12)


@pytest.mark.parametrize(
    "fields",
    [
        {"line": 0},
        {"line": 5},
        {"line": -3},
        {"line": 2, "end_line": 99},
        {"line": 1},
        {"line": 4},
        {"message": "  "},
        {"message": "the key is AKIAIOSFODNN7EXAMPLE"},
    ],
)
def test_what_is_not_about_an_added_line_or_holds_a_secret_is_dropped(fields):
    """Lines that were not shown, or not added, are nobody's business."""
    assert findings_of([remark(**fields)], UNIT) == ()


def test_a_finding_is_known_by_what_it_is_about_not_by_how_it_is_worded():
    """A model words the same remark anew each time."""
    (one,), (two,) = [
        findings_of([each], UNIT) for each in (remark(), remark(rule="Wrong Bound", message="other words"))
    ]
    assert one.fingerprint == two.fingerprint
    assert two.rule == "wrong-bound"


def test_remarks_on_equal_lines_are_two_and_the_same_remark_twice_is_one():
    """Both lines have to be mended, each once."""
    unit = UNIT.model_copy(update={"text": "one\ntwo\ntwo\n"})
    found = findings_of([remark(line=2), remark(line=3), remark(line=2), remark(line=3)], unit)
    assert [finding.start_line for finding in found] == [12, 13]
    assert len({finding.fingerprint for finding in found}) == 2


@pytest.mark.parametrize(
    ("replacement", "edit"),
    [
        ("TWO", (12, 12, "TWO\n")),
        ("TWO\nand\n", (12, 12, "TWO\nand\n")),
        ("two\n", None),
        ("x\n" * 200, None),
        ("token = 'ghp_" + "a" * 36 + "'", None),
        ("", None),
    ],
)
def test_a_replacement_stays_within_its_lines(replacement, edit):
    """What changes nothing, is endless or holds a secret is no suggestion."""
    (finding,) = findings_of([remark(replacement=replacement)], UNIT)
    edits = finding.suggestion.edits if finding.suggestion else ()
    assert [(each.start_line, each.end_line, each.replacement) for each in edits] == ([edit] if edit else [])


@pytest.mark.parametrize(
    ("line", "replacement", "made"),
    [("two\r\n", "TWO\nx", "TWO\r\nx\r\n"), ("two", "TWO", "TWO\n"), ("x" * 500 + " …\n", "TWO", None)],
)
def test_a_replacement_has_the_line_ends_of_what_it_replaces(line, replacement, made):
    """And there is none for a line of which the model saw only the beginning."""
    unit = UNIT.model_copy(update={"text": f"one\n{line}"})
    (finding,) = findings_of([remark(replacement=replacement)], unit)
    assert (finding.suggestion and finding.suggestion.edits[0].replacement) == made


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("see [the docs](https://evil.example/x)", "see the docs"),
        ("![x](https://evil.example/pixel.png)", "x"),
        ("go to https://evil.example/?q=1 now", "go to (address left out) now"),
        ("www.evil.example", "(address left out)"),
        ("<img src=x> text <b>bold</b>", "text bold"),
        ("ask @octocat and @acme/team", "ask octocat and acme/team"),
        ("the decorator `@property`, and a@b", "the decorator `property`, and a@b"),
        ("[[x](y)](https://evil.example)", "x"),
        ("@@octocat <<b>b>", "octocat"),
        ("fixes #12 and GH-7", "fixes 12 and 7"),
        ("a < b and c > d", "a < b and c > d"),
        ("\u202etxt.exe\u0000", "txt.exe"),
    ],
)
def test_a_message_leads_nowhere_and_calls_nobody(text, plain):
    """No links, images, tags, mentions or references."""
    assert plain_text(text) == plain


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("a@#1[]()!<>:/. \nhttps"), max_size=80))
def test_no_text_becomes_a_link_a_mention_or_an_image(text):
    """Whatever is taken out leaves nothing behind that GitHub makes something of."""
    plain = plain_text(text)
    assert not re.search(r"\[[^\]]*\]\(|(?<!\w)@\w|\b[a-z]+://|</?[a-z][^>]*>|(?<!\w)#\d", plain)
    assert plain_text(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_" + "A1" * 18,
        "sk-" + "a1" * 20,
        "xoxb-123456789012-abcdef",
        "postgres://user:hunter22@db/prod",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_has_a_secrets_shape_is_one(text):
    """It is not posted."""
    assert holds_secret(f"use {text} there")


@pytest.mark.parametrize("text", ["the password is checked twice", "https://example.org/a:b", "sk-short"])
def test_words_about_secrets_are_none(text):
    """A text that is withheld for nothing is lost."""
    assert not holds_secret(text)
