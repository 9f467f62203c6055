"""GitHub's expression language: what each expression is worth, and how what is none is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions import (
    CaseSensitive,
    Scope,
    check,
    evaluate,
    evaluate_condition,
    evaluate_template,
    evaluate_tree,
    interpolate,
    is_true,
    to_number,
    to_text,
)

CONTEXTS = {
    "github": {
        "ref": "refs/heads/main",
        "event": {"inputs": {"flag": "true"}, "commits": [{"id": "a", "by": {"n": 1}}, {"id": "b"}]},
    },
    "inputs": {"flag": True, "off": False, "n": 5, "text": "Hello", "empty": ""},
    "env": CaseSensitive({"Path": "x"}),
    "steps": {"one": {"outputs": {"v": "1", "two-words": "tw"}, "outcome": "success"}},
    "matrix": {"list": [1, 2, 3], "os": "linux", "nested": {"a": {"x": 1}, "b": {"x": 2}, "c": 3}},
    "needs": {},
}
SCOPE = Scope(
    contexts=CONTEXTS,
    functions={
        "success": lambda _: True,
        "failure": lambda _: False,
        "always": lambda _: True,
        "cancelled": lambda _: False,
    },
)

VALUES = [
    # literals
    ("null", None),
    ("true", True),
    ("false", False),
    ("0", 0),
    ("42", 42),
    ("-1", -1),
    ("+7", 7),
    ("1.5", 1.5),
    (".5", 0.5),
    ("-.5e1", -5),
    ("2e3", 2000),
    ("0xff", 255),
    ("0xFFFFFFFF", -1),
    ("0o17", 15),
    ("Infinity", math.inf),
    ("-Infinity", -math.inf),
    ("''", ""),
    ("'abc'", "abc"),
    ("'it''s'", "it's"),
    ("''''", "'"),
    ("'a }} b'", "a }} b"),
    ("  'spaced'  ", "spaced"),
    # contexts
    ("github.ref", "refs/heads/main"),
    ("GitHub.REF", "refs/heads/main"),
    ("github['ref']", "refs/heads/main"),
    ("github['Ref']", "refs/heads/main"),
    ("github.nothing", None),
    ("github.nothing.further", None),
    ("github.ref.length", None),
    ("github.ref[0]", None),
    ("inputs.flag", True),
    ("github.event.inputs.flag", "true"),
    ("env.Path", "x"),
    ("env.PATH", None),
    ("steps.one.outputs.v", "1"),
    ("steps.one.outputs.two-words", "tw"),
    ("steps['one']['outputs']['v']", "1"),
    ("steps.missing.outputs.v", None),
    ("matrix.list[0]", 1),
    ("matrix.list[2]", 3),
    ("matrix.list[3]", None),
    ("matrix.list[-1]", None),
    ("matrix.list[1.9]", 2),
    ("matrix.list['1']", 2),
    ("matrix.list['x']", None),
    ("matrix[inputs.nothing]", None),
    ("matrix[format('{0}', 'os')]", "linux"),
    ("(matrix).os", "linux"),
    ('fromJSON(\'{"a":{"b":1}}\').a.b', 1),
    ("fromJSON('[1,[2,3]]')[1][0]", 2),
    # filters
    ("github.event.commits.*.id", ["a", "b"]),
    ("github.event.commits[*].id", ["a", "b"]),
    ("github.event.commits.*.by.n", [1]),
    ("github.event.commits.*.nothing", []),
    ("matrix.nested.*.x", [1, 2]),
    ("matrix.nested.*", [{"x": 1}, {"x": 2}, 3]),
    ("matrix.list.*", [1, 2, 3]),
    ("matrix.os.*", []),
    ("github.event.commits.*.id[0]", []),
    ("github.event.*.*.id", ["a", "b"]),
    # equality is loose
    ("1 == 1", True),
    ("1 == '1'", True),
    ("'1' == 1", True),
    ("1 == ' 1 '", True),
    ("1 == 'x'", False),
    ("0 == ''", True),
    ("0 == null", True),
    ("null == ''", True),
    ("null == 'x'", False),
    ("null == false", True),
    ("true == 1", True),
    ("true == '1'", True),
    ("true == 'true'", False),
    ("false == ''", True),
    ("'a' == 'A'", True),
    ("'a' != 'A'", False),
    ("'a' == 'b'", False),
    ("NaN == NaN", False),
    ("NaN != NaN", True),
    ("NaN == 'x'", False),
    ("0xff == '0xff'", True),
    ("matrix.list == matrix.list", True),
    ("fromJSON('[1]') == fromJSON('[1]')", False),
    ("fromJSON('[]') == ''", False),
    ("inputs.flag == true", True),
    ("inputs.flag == 'true'", False),
    ("github.event.inputs.flag == 'true'", True),
    ("github.event.inputs.flag == true", False),
    # order
    ("1 < 2", True),
    ("2 <= 2", True),
    ("2 > '1'", True),
    ("'b' > 'A'", True),
    ("'a' >= 'A'", True),
    ("'10' < '9'", True),
    ("10 < '9'", False),
    ("1 < 'x'", False),
    ("1 > 'x'", False),
    ("null < 1", True),
    ("false < true", True),
    ("true < true", False),
    ("true <= true", True),
    ("matrix.list < 1", False),
    ("matrix.list >= matrix.list", True),
    ("NaN <= NaN", False),
    # logic returns operands
    ("true && 'yes'", "yes"),
    ("false && 'yes'", False),
    ("'' || 'other'", "other"),
    ("'first' || 'other'", "first"),
    ("inputs.flag && 'on' || 'off'", "on"),
    ("inputs.off && 'on' || 'off'", "off"),
    ("null || 0 || ''", ""),
    ("'a' && 'b' && 'c'", "c"),
    ("!true", False),
    ("!''", True),
    ("!!'x'", True),
    ("!inputs.off == true", True),
    ("!(1 == 2)", True),
    ("NaN || 'nan'", "nan"),
    ("fromJSON('[]') && 'list'", "list"),
    ("fromJSON('{}') && 'object'", "object"),
    # precedence
    ("true || false && false", True),
    ("(true || false) && false", False),
    ("1 < 2 == true", True),
    ("1 == 1 && 2 == 2", True),
    ("1 == 2 || 'b' == 'B'", True),
    ("!false && true", True),
    ("1 < 2 && 2 < 3 || false", True),
    # functions
    ("contains('Hello world', 'WORLD')", True),
    ("contains('Hello', 'bye')", False),
    ("contains('a1', 1)", True),
    ("contains(matrix.list, 2)", True),
    ("contains(matrix.list, '2')", True),
    ("contains(matrix.list, 9)", False),
    ("contains(fromJSON('[\"A\"]'), 'a')", True),
    ("contains(github.event.commits.*.id, 'B')", True),
    ("contains(fromJSON('{\"a\":1}'), 'a')", False),
    ("contains(null, '')", True),
    ("startsWith('Hello', 'he')", True),
    ("startsWith('Hello', '')", True),
    ("startsWith(github.ref, 'refs/heads/')", True),
    ("startsWith(123, 12)", True),
    ("startsWith(matrix.list, '')", False),
    ("endsWith('Hello', 'LLO')", True),
    ("endsWith('Hello', 'x')", False),
    ("format('plain')", "plain"),
    ("format('{0} {1} {0}', 'a', 2)", "a 2 a"),
    ("format('{{0}} {0}', true)", "{0} true"),
    ("format('{0}', null)", ""),
    ("format('{0}', matrix.list)", "Array"),
    ("format('{0}', matrix)", "Object"),
    ("join(matrix.list)", "1,2,3"),
    ("join(matrix.list, ' - ')", "1 - 2 - 3"),
    ("join('text', '-')", "text"),
    ("join(fromJSON('[true,null,\"x\",[1]]'), '|')", "true||x|Array"),
    ("join(github.event.commits.*.id, '+')", "a+b"),
    ("join(matrix.nested)", ""),
    ("toJSON('a\"b')", '"a\\"b"'),
    ("toJSON(null)", "null"),
    ("toJSON(true)", "true"),
    ("toJSON(1.50)", "1.5"),
    ("toJSON(fromJSON('[]'))", "[]"),
    ("toJSON(fromJSON('{}'))", "{}"),
    ('toJson(fromJson(\'{"a":[1,"b"]}\'))', '{\n  "a": [\n    1,\n    "b"\n  ]\n}'),
    ("fromJSON('true')", True),
    ("fromJSON('null')", None),
    ("fromJSON('1.5')", 1.5),
    ("fromJSON('\"s\"')", "s"),
    ("fromJSON(toJSON(matrix.list))[1]", 2),
    ("case(true, 'a', 'b')", "a"),
    ("case(false, 'a', 'b')", "b"),
    ("case(inputs.off, 1, inputs.flag, 2, 3)", 2),
    ("case(true, 'a', fromJSON(''))", "a"),
    ("SUCCESS()", True),
    ("success() && !cancelled()", True),
    ("always() && failure()", False),
    ("false && fromJSON('')", False),
    ("true || fromJSON('')", True),
]


@pytest.mark.parametrize(("source", "expected"), VALUES, ids=[source for source, _ in VALUES])
def test_an_expression_has_githubs_value(source, expected):
    """Every expression is worth what GitHub's runner says, of the same kind."""
    value = evaluate(source, SCOPE)
    assert value == expected
    assert isinstance(value, bool) is isinstance(expected, bool)


ERRORS = [
    ("", "Unexpected end of expression"),
    ("foo", "Unrecognized named-value: 'foo'. Located at position 1 within expression: foo"),
    ("1 == bar", "Unrecognized named-value: 'bar'. Located at position 6 within expression: 1 == bar"),
    ("nope()", "Unrecognized function: 'nope'. Located at position 1"),
    ("hashFiles('x')", "Unrecognized function: 'hashFiles'"),
    ("1 +", "Unexpected symbol: '+'"),
    ("a = b", "Unexpected symbol: '='"),
    ("'open", "Unexpected symbol: ''open'"),
    ('"double"', "Unexpected symbol: '\"double\"'. Located at position 1"),
    ("(1", "Unexpected end of expression: '1'"),
    ("1)", "Unexpected symbol: ')'"),
    ("1 2", "Unexpected symbol: '2'"),
    ("github.", "Unexpected end of expression"),
    ("github..ref", "Unexpected symbol: '.'"),
    ("github.ref[", "Unexpected end of expression"),
    ("matrix.list[0", "Unexpected end of expression"),
    ("&& true", "Unexpected symbol: '&&'"),
    ("true &&", "Unexpected end of expression"),
    ("true & false", "Unexpected symbol: '&'"),
    ("*", "Unexpected symbol: '*'"),
    ("1a", "Unexpected symbol: '1a'"),
    ("1.2.3", "Unexpected symbol: '1.2.3'"),
    ("0xzz", "Unexpected symbol: '0xzz'"),
    ("'a'.b", "Unexpected symbol"),
    ("$x", "Unexpected symbol: '$x'"),
    ("contains('a')", "Too few parameters supplied: 'contains'. Located at position 1"),
    ("contains('a','b','c')", "Too many parameters supplied: 'contains'"),
    ("toJSON()", "Too few parameters supplied"),
    ("contains('a',)", "Unexpected symbol: ')'"),
    ("format('{0}')", "references more arguments than were supplied: {0}"),
    ("format('{1}', 1)", "references more arguments"),
    ("format('{', 1)", "The following format string is invalid: {"),
    ("format('}', 1)", "The following format string is invalid"),
    ("format('{x}', 1)", "The following format string is invalid"),
    ("fromJSON('')", "Error parsing fromJson"),
    ("fromJSON('{')", "Error parsing fromJson"),
    ("fromJSON(null)", "Error parsing fromJson"),
    ("case(true, 1)", "pairs of a predicate"),
    ("case('x', 1, 2)", "not a boolean"),
    ("(" * 60 + "1" + ")" * 60, "Exceeded max expression depth 50"),
    ("github" + ".a" * 60, "Exceeded max expression depth 50"),
    ("!" * 60 + "1", "Exceeded max expression depth 50"),
    ("'" + "x" * 21_000 + "'", "Exceeded max expression length 21000"),
    ("fromJSON('" + "[" * 100 + "]" * 100 + "')", "nested too deeply"),
    ("fromJSON(format('{0}{0}{0}', '" + "[" * 6_000 + "'))", "Error parsing fromJson"),
]


@pytest.mark.parametrize(("source", "message"), ERRORS, ids=[source[:40] or "empty" for source, _ in ERRORS])
def test_what_is_no_expression_is_refused_in_githubs_words(source, message):
    """A wrong expression raises its own error, which says where the mistake is."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, SCOPE)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${{ inputs.flag }}", True),
        ("${{inputs.n}}", 5),
        ("${{ matrix.list }}", [1, 2, 3]),
        ("v${{ inputs.n }}", "v5"),
        ("${{ inputs.n }}${{ inputs.flag }}", "5true"),
        (" ${{ inputs.n }}", " 5"),
        ("[${{ inputs.nothing }}]", "[]"),
        ("${{ '}}' }}", "}}"),
        ("${{ 'it''s }}' }}!", "it's }}!"),
        ("{{ x }}", "{{ x }}"),
        ("$ {{ x }}", "$ {{ x }}"),
        ("${{ format('{0}', '${{') }}", "${{"),
    ],
)
def test_a_text_is_interpolated(text, expected):
    """A lone expression keeps its kind; anything around it makes a text."""
    value = evaluate_template(text, SCOPE)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", ["${{ inputs.n", "${{ 'a }}", "${{ }}", "a ${{}} b"])
def test_an_expression_that_is_not_closed_or_empty_is_refused(text):
    """Half an expression is never taken for text."""
    with pytest.raises(ExpressionError):
        evaluate_template(text, SCOPE)


def _scope(status, **contexts):
    return Scope(
        contexts={**CONTEXTS, **contexts},
        functions={
            "success": lambda _: status == "success",
            "failure": lambda _: status == "failure",
            "cancelled": lambda _: status == "cancelled",
            "always": lambda _: True,
        },
    )


@pytest.mark.parametrize(
    ("condition", "after_success", "after_failure", "after_cancel"),
    [
        (None, True, False, False),
        ("", True, False, False),
        (True, True, False, False),
        (False, False, False, False),
        ("true", True, False, False),
        ("inputs.flag", True, False, False),
        ("inputs.off", False, False, False),
        ("${{ inputs.flag }}", True, False, False),
        ("always()", True, True, True),
        ("${{ always() }}", True, True, True),
        ("failure()", False, True, False),
        ("!cancelled()", True, True, False),
        ("cancelled()", False, False, True),
        ("always() && inputs.off", False, False, False),
        ("success() || failure()", True, True, False),
        # A text around the expression is a text, and so is true: GitHub's best known trap.
        ("${{ inputs.off }} == true", True, False, False),
        ("${{ false }} && always()", True, False, False),
        ("'always()'", True, False, False),
    ],
)
def test_a_condition_implies_success(condition, after_success, after_failure, after_cancel):
    """Without a status function a condition holds only while everything went well."""
    outcomes = [
        evaluate_condition(condition, _scope(status)) for status in ("success", "failure", "cancelled")
    ]
    assert outcomes == [after_success, after_failure, after_cancel]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.1 + 0.2, "0.3"),
        (3.10, "3.1"),
        (-0.0, "0"),
        (1e15, "1E+15"),
        (123456789012345, "123456789012345"),
        (0.00001, "1E-05"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (10**400, "Infinity"),
        ({}, "Object"),
        ((), "Array"),
    ],
)
def test_values_become_texts_as_githubs_do(value, text):
    """Numbers are shortened to 15 digits, collections to their kind."""
    assert to_text(value) == text


def test_a_tree_is_evaluated_throughout():
    """Keys and values of mappings and sequences are evaluated, other scalars kept."""
    tree = {"${{ matrix.os }}": ["${{ inputs.n }}", 1, None, {"k": "v${{ inputs.n }}"}]}
    assert evaluate_tree(tree, SCOPE) == {"linux": [5, 1, None, {"k": "v5"}]}


def test_names_are_checked_before_anything_runs():
    """A name that is not available where it stands is refused although it is never evaluated."""
    with pytest.raises(ExpressionError, match="Unrecognized named-value: 'secrets'"):
        check({"a": ["${{ false && secrets.X }}"]}, {"github"})
    with pytest.raises(ExpressionError, match="Unrecognized function: 'hashFiles'"):
        check("${{ hashFiles('x') }}", {"github"})
    check("${{ hashFiles('x') }} ${{ GITHUB.ref }}", {"github"}, ["hashfiles"])


SOURCES = st.lists(
    st.sampled_from([*"ab01.'()[]{}!<>=&|,* -_$\"#+eExNI", "github", "inputs", "true", "format", "fromJSON"]),
    max_size=40,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(SOURCES)
def test_no_text_crashes_the_evaluator(source):
    """Whatever stands where an expression should, there is a value or the module's own error."""
    try:
        value = evaluate(source, SCOPE)
    except ExpressionError:
        return
    to_text(value)
    is_true(value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_text_crashes_the_interpolation(text):
    """Whatever a file says, there is a text or the module's own error."""
    for candidate in (text, "${{" + text + "}}"):
        try:
            interpolate(candidate, SCOPE)
        except ExpressionError:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_comparison_is_total_and_consistent(left, right):
    """Any two values can be compared, the same in both directions."""
    scope = Scope(contexts={"l": left, "r": right})
    assert evaluate("l == r", scope) is evaluate("r == l", scope)
    assert evaluate("l < r", scope) is evaluate("r > l", scope)
    assert evaluate("l != r", scope) is not evaluate("l == r", scope)
    to_number(left)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_survives_json(text):
    """What toJSON writes fromJSON reads."""
    assert evaluate("fromJSON(toJSON(t)).x", Scope(contexts={"t": {"x": text}})) == text
