"""Typed inputs: what they take, and what is said of what they do not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import PipelineInputError, from_details
from perdure.pipeline import InputSpec, OutputType, check_inputs, typed_outputs


@pytest.mark.parametrize(
    ("spec", "given", "value"),
    [
        ({"type": "string"}, "x", "x"),
        ({"type": "string"}, 12, "12"),
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, 12.0, 12),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "number"}, 3, 3.0),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, False, False),
        ({"type": "choice", "options": ["a", "b"]}, "b", "b"),
        ({"type": "string", "pattern": r"^v\d+$"}, "v12", "v12"),
        ({"type": "integer", "default": 5}, None, 5),
        ({"type": "number", "default": 5}, None, 5.0),
        ({"type": "string"}, None, ""),
        ({"type": "integer", "minimum": 1}, None, 0),
        ({"type": "boolean"}, None, False),
    ],
)
def test_values_become_what_their_type_says(spec, given, value):
    """Command lines know only texts, and what is left out is the default, or empty as at GitHub."""
    [found] = check_inputs({"x": InputSpec.model_validate(spec)}, {"x": given}).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        ({"type": "integer"}, "1.5", "must be a whole number, not '1.5'"),
        ({"type": "integer"}, True, "must be a whole number, not true"),
        ({"type": "integer"}, 2**63, "must be a whole number of at most 64 bits, not 9223372036854775808"),
        ({"type": "number"}, "nan", "must be a finite number, not 'nan'"),
        ({"type": "boolean"}, "yes", "must be true or false, not 'yes'"),
        ({"type": "string"}, ["a"], "must be text, not ['a']"),
        ({"type": "string"}, True, "must be text, not true"),
        ({"type": "string", "pattern": r"^v\d+$"}, "12", r"must match ^v\d+$, and '12' does not"),
        ({"type": "string", "min-length": 3}, "ab", "must have at least 3 characters, not 2"),
        ({"type": "string", "max-length": 3}, "abcd", "must have at most 3 characters, not 4"),
        ({"type": "string"}, "x" * 70_000, "must have at most 65536 characters, not 70000"),
        ({"type": "string", "required": True}, "", "must not be empty"),
        ({"type": "string", "required": True, "description": "Which one"}, None, "is required: Which one"),
        ({"type": "integer", "minimum": 1}, 0, "must be at least 1, not 0"),
        ({"type": "number", "maximum": 1.5}, "2", "must be at most 1.5, not 2.0"),
        ({"type": "choice", "options": ["staging", "production"]}, "prodction", "; did you mean production?"),
    ],
)
def test_what_does_not_fit_is_told(spec, given, message):
    """The message names the input, what is allowed, and what was given."""
    with pytest.raises(PipelineInputError) as caught:
        check_inputs({"x": InputSpec.model_validate(spec)}, {"x": given})
    assert str(caught.value).startswith("x: ")
    assert str(caught.value).endswith(message)


def test_all_that_does_not_fit_is_told_at_once():
    """Nobody mends inputs one by one."""
    specs = {"version": InputSpec(required=True), "count": InputSpec(type="integer")}
    with pytest.raises(PipelineInputError) as caught:
        check_inputs(specs, {"versoin": "1", "count": "x"})
    lines = [
        "versoin: unknown input; did you mean version?",
        "version: is required",
        "count: must be a whole number, not 'x'",
    ]
    assert str(caught.value).splitlines() == lines
    again = from_details("PipelineInputError", str(caught.value), caught.value.details())
    assert again.problems[0] == {"input": "versoin", "message": "unknown input; did you mean version?"}


@given(
    st.sampled_from(["string", "integer", "number", "boolean"]),
    st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())),
)
def test_anything_is_taken_or_refused(kind, value):
    """Whatever comes through an API ends in a value of the right type, or in the one error."""
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    try:
        found = check_inputs({"x": InputSpec.model_validate({"type": kind})}, {"x": value})["x"]
    except PipelineInputError:
        return
    assert type(found) is types[kind]
    assert not isinstance(found, float) or math.isfinite(found)


def test_outputs_have_their_declared_types():
    """A later step reads what its expression was checked against."""
    declared = {"n": OutputType.INTEGER, "ok": OutputType.BOOLEAN, "ratio": OutputType.NUMBER}
    given = {"n": "3", "ok": "true", "ratio": 1, "more": "left out"}
    assert typed_outputs(declared, given) == {"n": 3, "ok": True, "ratio": 1.0}
    with pytest.raises(
        ValueError, match="n must be a whole number, not 'x'; ok is missing; ratio must be a number"
    ):
        typed_outputs(declared, {"n": "x", "ratio": [1]})
