"""The reader on what it should take, and on what nobody should give it."""

import re
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.errors import PipelineFileError, PipelineInputError, from_details
from perdure.model.actions import OnAmbiguity, RetryBy, RetryOn
from perdure.pipeline import (
    ActionStep,
    ApprovalStep,
    CompiledPipeline,
    OnTimeout,
    PipelineFile,
    WaitStep,
    compile_pipeline,
    read_pipeline,
)

EXAMPLE = (Path(__file__).parents[2] / "examples" / "release" / "pipeline.yaml").read_text(encoding="utf-8")
WORDS = sorted(set(re.findall(r"[\w.-]+|[^\w\s]|\n *", EXAMPLE)))

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_or_refuse(text):
    """Read a text: a file comes out, or the one error with places inside the text."""
    problems = []
    try:
        file = read_pipeline(text, "p.yaml")
    except PipelineFileError as error:
        file, problems, message = None, error.problems, str(error)
    if file is not None:
        compiles(file)
        return
    assert len(message.split("\n")) == len(problems) > 0
    lines = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", text))
    for problem in problems:
        assert 1 <= problem["line"] <= lines, problem
        assert problem["column"] >= 1, problem
        assert problem["message"], problem


def compiles(file):
    """Compile what was read: only its inputs may not fit."""
    try:
        compiled = compile_pipeline(file, {"version": "v1.2.3"})
    except PipelineInputError:
        return
    assert CompiledPipeline.model_validate_json(compiled.model_dump_json()) == compiled


def test_the_example_is_read_as_it_says():
    """Every part of the language that the example shows arrives where it belongs."""
    file = read_pipeline(EXAMPLE)
    assert list(file.steps) == ["test", "publish", "build", "approve", "deploy", "smoke"]
    assert file.defaults.timeout.queue == timedelta(minutes=30)
    assert file.defaults.retry.on == {RetryOn.FAILURE, RetryOn.NEVER_STARTED}
    assert file.defaults.retry.by is RetryBy.RERUN_FAILED
    approve, deploy = file.steps["approve"], file.steps["deploy"]
    assert isinstance(approve, ApprovalStep)
    assert approve.approval.approvers == ("alice", "team:acme/release")
    assert approve.approval.on_timeout is OnTimeout.REJECT
    assert approve.approval.prevent_self_approval
    assert approve.approval.form["percent"].maximum == 100
    assert isinstance(deploy, ActionStep)
    assert (deploy.if_, deploy.on_ambiguity, deploy.needs) == (
        "inputs.canary",
        OnAmbiguity.HOLD,
        ("approve",),
    )
    assert deploy.compensate[0].action == "deploy/rollback.yml"


def test_a_file_is_the_same_after_it_went_through_json():
    """One type serves the file, the API and the workflow's input."""
    file = read_pipeline(EXAMPLE)
    assert PipelineFile.model_validate_json(file.model_dump_json()) == file


def test_short_forms_mean_the_same_as_long_ones():
    """A list of one, a limit, a group and a type may stand alone."""
    head = "name: p\ninputs: {v: INPUT}\nconcurrency: GROUP\nsteps:\n  a: {wait: 1m}\n"
    step = "  b: {action: a/b/c.yml, needs: NEEDS, timeout: TIMEOUT, if: IF, compensate: UNDO}\n"
    short = {
        "INPUT": "integer",
        "GROUP": "g",
        "NEEDS": "a",
        "TIMEOUT": "2h",
        "IF": "true",
        "UNDO": "{action: a/b/undo.yml}",
    }
    long = {
        "INPUT": "{type: integer}",
        "GROUP": "{group: g, policy: queue}",
        "NEEDS": "[a]",
        "TIMEOUT": "{run: 120m}",
        "IF": "'true'",
        "UNDO": "[{action: a/b/undo.yml}]",
    }
    texts = [head + step, head + step]
    for index, words in enumerate((short, long)):
        for word, value in words.items():
            texts[index] = texts[index].replace(word, value)
    assert read_pipeline(texts[0]) == read_pipeline(texts[1])


def test_yaml_is_1_2():
    """Only true and false are booleans, and dates and underscores are text."""
    scalars = "a: yes, on: off, c: 2026-01-31, d: 1_000, e: 0o17, f: 1e3"
    values = read_pipeline(f"name: p\nvars: {{{scalars}}}\nsteps:\n  a: {{wait: 1m}}\n").vars
    assert values == {"a": "yes", "on": "off", "c": "2026-01-31", "d": "1_000", "e": 15, "f": 1000.0}


def test_waits_take_a_duration_or_an_instant():
    """Both may be expressions."""
    text = """
name: p
inputs: {pause: string}
steps:
  a: {wait: 1h30m}
  b: {until: 2027-01-31T06:00:00+01:00}
  c: {wait: '${{ inputs.pause }}'}
  d: {until: "${{ timestamp(pipeline.started_at) + duration('1h') }}"}
"""
    steps = read_pipeline(text).steps
    assert all(isinstance(step, WaitStep) for step in steps.values())


def test_the_error_keeps_its_places_when_it_crosses_processes():
    """What the API or a workflow reports names lines and columns too."""
    try:
        read_pipeline("name: p\n", "p.yaml")
    except PipelineFileError as error:
        again = from_details("PipelineFileError", str(error), error.details())
        assert isinstance(again, PipelineFileError)
        assert again.problems == [{"file": "p.yaml", "line": 1, "column": 1, "message": "steps is missing"}]


@FUZZ
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Nothing that somebody sends ends in a traceback."""
    read_or_refuse(text)


@FUZZ
@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_any_mixture_of_the_languages_words_is_read_or_refused(words):
    """Nor does anything that looks like a pipeline."""
    read_or_refuse(" ".join(words))


@FUZZ
@given(st.data())
def test_the_example_with_a_piece_changed_is_read_or_refused(data):
    """Nor does a file that was right a moment ago."""
    start = data.draw(st.integers(0, len(EXAMPLE)))
    end = data.draw(st.integers(start, min(len(EXAMPLE), start + 40)))
    piece = data.draw(
        st.one_of(
            st.text(max_size=10),
            st.sampled_from(WORDS),
            st.just("${{"),
            st.lists(st.sampled_from(WORDS), max_size=6).map("".join),
        )
    )
    read_or_refuse(EXAMPLE[:start] + piece + EXAMPLE[end:])


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.sampled_from(WORDS).filter(lambda word: word.isalnum()),
        st.sampled_from(["'${{ steps.publish.outputs.package }}'", "'${{ 1/0 }}'", "'${{ [1] }}'", "3m"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(map(str, items))}]"),
        st.dictionaries(
            st.sampled_from([word for word in WORDS if word.replace("-", "").isalpha()]), inner, max_size=4
        ).map(lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"),
    ),
    max_leaves=8,
)


@FUZZ
@given(st.data())
def test_the_example_with_any_value_in_any_place_is_read_or_refused(data):
    """Values of every kind, in every place of the schema."""
    lines = EXAMPLE.splitlines()
    at = data.draw(st.sampled_from([number for number, line in enumerate(lines) if ": " in line]))
    key = lines[at].partition(": ")[0]
    value = data.draw(VALUES)
    value = (
        {None: "null", True: "true", False: "false"}.get(value, value)
        if value in (None, True, False)
        else value
    )
    read_or_refuse("\n".join([*lines[:at], f"{key}: {value}", *lines[at + 1 :]]))
