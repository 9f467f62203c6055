"""Expressions: where they end, what they refer to, what they are worth."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import ExpressionError, PipelineFileError
from perdure.pipeline import evaluate, read_pipeline, render, render_text
from perdure.pipeline.references import references
from perdure.pipeline.templates import condition_text, parts_of

CONTEXTS = {
    "inputs": {"version": "v1", "count": 3, "ratio": 0.5, "go": True},
    "vars": {"hosts": ["a", "b"], "map": {"x": {"y": 1}}},
    "steps": {"build": {"conclusion": "failure", "outputs": {"image": "i:1"}}},
    "matrix": {"os": "linux"},
    "pipeline": {"id": "p/1", "started_at": "2027-01-31T06:00:00Z"},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("${{ inputs.count }}", 3),
        (" ${{ inputs.count }}", " 3"),
        ("${{ inputs.go }}", True),
        ("${{inputs.go}}!", "true!"),
        ("${{ inputs.ratio * 4.0 }} of ${{ inputs.count }}", "2 of 3"),
        ("${{ vars.hosts }}", ["a", "b"]),
        ("${{ {'a': {'b': inputs.count}} }}", {"a": {"b": 3}}),
        ("${{ '}}' + inputs.version }}", "}}v1"),
        ('${{ r"\\d" + "x" }}', "\\dx"),
        ("${{ vars.map.x.y + 1 }}", 2),
        ("${{ vars.hosts.map(h, h + '-' + matrix.os).join(',') }}", "a-linux,b-linux"),
        ("${{ steps.build.conclusion == 'success' ? steps.build.outputs.none : 'default' }}", "default"),
        ("${{ timestamp(pipeline.started_at) + duration('90m') }}", "2027-01-31T07:30:00Z"),
        ("${{ inputs.count > 2 // a comment\n }}", True),
        ({"a": ["${{ inputs.count }}", {"b": "x${{ inputs.go }}"}]}, {"a": [3, {"b": "xtrue"}]}),
    ],
)
def test_expressions_are_replaced_by_their_values(template, value):
    """An expression alone keeps its type; with text around it, all becomes text."""
    assert render(template, CONTEXTS) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "divide by zero"),
        ("steps.build.outputs.none", "steps.build.outputs.none was not set"),
        ("vars.hosts[5]", "Index error"),
        ("inputs.count + 9223372036854775807", "integer overflow"),
        ("0.0 / 0.0", "not a number that JSON knows"),
        ("b'x'", "that can be kept"),
        ("inputs.version + 1", "No matching overloads"),
        (
            "[0,1,2,3,4,5,6,7,8,9]" + ".all(x, [0,1,2,3,4,5,6,7,8,9]" * 5 + ".all(y, true" + ")" * 6,
            "no value",
        ),
    ],
)
def test_what_has_no_value_is_an_error_that_says_why(expression, reason):
    """No mistake of an expression is taken for a value, and none keeps a worker busy."""
    with pytest.raises(ExpressionError, match="has no value") as caught:
        evaluate(expression, CONTEXTS)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (3.0, "3"), (0.25, "0.25"), (None, ""), (7, "7"), ("x", "x")]
)
def test_values_become_text_as_at_github(value, text):
    """Inputs of Actions workflows are text."""
    assert render_text(value, {}) == text


def test_a_list_never_becomes_text_silently():
    """Nobody deploys to a host that is called [a, b]."""
    with pytest.raises(ExpressionError, match="a list cannot become text"):
        render_text("${{ vars.hosts }}", CONTEXTS)


def test_names_are_found_outside_of_texts_and_behind_brackets():
    """What looks like a name in a text, a comment or a selection is none."""
    text = "inputs.a.size() + 'inputs.b' + x.inputs.c + steps.t.jobs[size('[')].outputs.o // inputs.d"
    found = [(".".join(one.names), one.index, one.tail) for one in references(text)]
    assert found == [("inputs.a", None, ()), ("steps.t.jobs", "size('[')", (("outputs", 68), ("o", 76)))]


@pytest.mark.parametrize(
    ("text", "expression"),
    [("a > 1", "a > 1"), ("${{ a > 1 }}", "a > 1"), ("'${{ x }}' == y", "'${{ x }}' == y")],
)
def test_a_condition_needs_no_brackets(text, expression):
    """Both of GitHub's spellings are taken."""
    assert condition_text(text)[0] == expression


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="${} '\"ab.\n", max_size=40))
def test_the_parts_of_a_text_are_the_text(text):
    """Splitting loses nothing, and every piece says where it stands."""
    try:
        parts = parts_of(text)
    except ValueError:
        return
    for part in parts:
        assert text[part.offset : part.offset + len(part.text)] == part.text
        if not part.is_expression:
            assert "${{" not in part.text


WORDS = (
    "inputs.version",
    "inputs.count",
    "steps.build.outputs.image",
    "vars.map",
    "vars.hosts",
    "matrix.none",
)
SIGNS = (
    "+",
    "-",
    "/",
    "%",
    "==",
    "<",
    "in",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "!",
    "&&",
    "||",
)
MORE = (
    "'x'",
    "1",
    "2.5",
    "1u",
    "b'\\xff'",
    "null",
    "size",
    "map",
    "timestamp",
    "duration",
    "int",
    "\ud800",
    "\0",
    "//",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS + SIGNS + MORE), max_size=10))
def test_any_expression_has_a_value_or_says_why_not(words):
    """Whatever stands in a file, a worker gets a value that JSON knows, or the one error."""
    try:
        value = evaluate(" ".join(words), CONTEXTS)
    except ExpressionError:
        return
    json.dumps(value, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
        max_leaves=5,
    )
)
def test_any_value_can_be_read(value):
    """Whatever a run returned, reading it gives the same value or the one error."""
    try:
        found = evaluate("vars.x", {"vars": {"x": value}})
    except ExpressionError:
        return
    assert found == value


def check(expression):
    """Return what is said about an expression in a step, or nothing."""
    text = (
        "name: p\n"
        "inputs: {version: string, count: integer, ratio: number, go: boolean, kind: {type: choice,"
        " options: [x, y], default: x}}\n"
        "vars: {hosts: [a, b], deep: {x: 1}, port: 80}\n"
        "steps:\n"
        "  build: {action: o/r/w.yml, outputs: {image: string, size: integer}}\n"
        "  ask: {needs: build, approval: {form: {percent: integer}}}\n"
        "  matrix: {action: o/r/w.yml, matrix: {os: [linux, mac]}, outputs: {n: number}}\n"
        "  last:\n    needs: [ask, matrix]\n    run: a:b\n"
        f"    with:\n      x: |-\n        ${{{{ {expression} }}}}\n"
    )
    try:
        read_pipeline(text)
    except PipelineFileError as error:
        return [(one["column"] - 13, one["message"]) for one in error.problems]
    return []


@pytest.mark.parametrize(
    "expression",
    [
        "inputs.version + '-' + string(inputs.count) + vars.hosts[0]",
        "inputs.ratio > 0.5 && inputs.go && inputs.kind == 'x'",
        "steps.build.outputs.size + steps.ask.form.percent",
        "steps.build.outcome + steps.ask.reason + steps.matrix.conclusion",
        "steps.matrix.jobs.all(j, j.outputs.n > 1.0) && steps.matrix.jobs[1].matrix.os == 'mac'",
        "vars.deep.x + vars.port",
        "pipeline.id + pipeline.requester",
        "[1, 2].map(inputs_of, inputs_of + inputs.count)",
        "'a,b'.split(',').size() > 1 ? {'a': 1} : {}",
        "timestamp(pipeline.started_at).getHours('Europe/Berlin') < 17",
    ],
)
def test_what_is_right_is_let_pass(expression):
    """Everything that the file has can be read, with its type."""
    assert check(expression) == []


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("inputs", 0, "inputs alone has no value: name one of its values, such as inputs.version"),
        (
            "steps.build",
            6,
            "steps.build alone has no value: name one of conclusion, outcome, reason, outputs",
        ),
        (
            "steps.build.outputs",
            12,
            "steps.build.outputs alone has no value: name one, such as steps.build.outputs.image",
        ),
        (
            "steps.ask.outputs.x",
            18,
            "step ask has no output 'x': an approval's answers are read as steps.ask.form.x",
        ),
        (
            "steps.build.form.x",
            17,
            "step build has no answer 'x': only the form of an approval has answers",
        ),
        ("steps.build.jobs[0].outputs.image", 12, "build has no matrix: read steps.build.outputs"),
        ("steps.last.conclusion", 6, "last cannot read its own results"),
        ("matrix.os", 0, "the step last has no matrix"),
        ("pipeline.startedat", 9, "unknown value 'startedat'; did you mean started_at?"),
        (
            "inputs.count + inputs.ratio",
            13,
            "+ does not work on a whole number and a number: convert one of them, with int() or double()",
        ),
        ("inputs.go ? 1 : 'a'", 10, "both sides of : must have the same type, not a whole number and text"),
        ("inputs.version ? 1 : 2", 15, "before ? stands true or false, not text"),
        ("!inputs.count", 0, "! does not work on a whole number"),
        ("size(inputs.count)", 4, "size() does not take a whole number"),
        ("size(1, 2)", 0, "size() does not take so many arguments"),
        ("inputs.version.upper()", 15, "unknown function upper(); did you mean upperAscii?"),
        ("inputs.version.x", 14, "text has no values inside"),
        ("(inputs.count", 12, "the expression ends too early: ')' is missing"),
        ("inputs.count @ 2", 13, "@ cannot stand here"),
        ("'text", 0, "a text does not end: close its quotation marks"),
        (
            "release + 'x'",
            0,
            "unknown name 'release': values stand in inputs, vars, steps, matrix and pipeline,"
            " and text in quotation marks",
        ),
        ("verson + 'x'", 0, "unknown name 'verson'; did you mean inputs.version?"),
        (
            "1 + step.build.outputs.size",
            4,
            "unknown name 'step.build.outputs.size'; did you mean steps?",
        ),
        ("if (inputs.go)", 0, "if is a reserved word of CEL"),
        (
            "'é😀' + inputs.none",
            14,
            "unknown input 'none': the pipeline's inputs are version, count, ratio, go, kind",
        ),
    ],
)
def test_what_is_wrong_is_told_in_the_files_words(expression, column, message):
    """Each mistake names its place and what to write instead, without the library's own words."""
    assert check(expression) == [(column, message)]
