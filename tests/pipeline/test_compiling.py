"""A file and inputs become what runs."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import ExpressionError, PipelineFileError, PipelineInputError
from perdure.model.actions import OnAmbiguity, RetryBy, RetryOn
from perdure.pipeline import (
    CompiledPipeline,
    PipelineFile,
    Sequencer,
    action_input,
    canonical_json,
    compile_pipeline,
    plan_digest,
    read_pipeline,
)
from perdure.pipeline.matrix import expand, job_keys
from perdure.pipeline.steps import Matrix

EXAMPLE = (Path(__file__).parents[2] / "examples" / "release" / "pipeline.yaml").read_text(encoding="utf-8")


def compiled(text=EXAMPLE, **inputs):
    return compile_pipeline(read_pipeline(text), inputs)


def test_defaults_apply_where_a_step_says_nothing():
    """Owners, refs, limits and retries of the defaults are in the step; limits join one by one."""
    text = """
name: p
environment: production
defaults:
  owner: acme
  ref: main
  timeout: {queue: 30m, run: 2h}
  retry: {attempts: 3}
  on-ambiguity: hold
  adopt-window: 1h
steps:
  a: {action: library/test.yml}
  b:
    action: other/library/test.yml
    ref: next
    timeout: 10m
    retry: {attempts: 1}
    on-ambiguity: fail
    adopt-window: 0s
    environment: staging
    compensate: {action: library/undo.yml}
notify:
  - check-run: {repository: service}
"""
    pipeline = compiled(text)
    a, b = (step.definition for step in pipeline.steps)
    assert (a.action, a.ref, a.environment) == ("acme/library/test.yml", "main", "production")
    assert (a.timeout.queue, a.timeout.run) == (timedelta(minutes=30), timedelta(hours=2))
    assert (a.retry.attempts, a.on_ambiguity, a.adopt_window) == (3, OnAmbiguity.HOLD, timedelta(hours=1))
    assert (b.action, b.ref, b.environment) == ("other/library/test.yml", "next", "staging")
    assert (b.timeout.queue, b.timeout.run) == (timedelta(minutes=30), timedelta(minutes=10))
    assert (b.retry.attempts, b.on_ambiguity, b.adopt_window) == (1, OnAmbiguity.FAIL, timedelta(0))
    assert (b.compensate[0].action, b.compensate[0].on_ambiguity) == (
        "acme/library/undo.yml",
        OnAmbiguity.HOLD,
    )
    assert pipeline.notify[0].check_run.repository == "acme/service"


def test_a_step_without_defaults_has_the_usual_ones():
    """A failed step stays open for a quarter of an hour, and nothing is tried again unasked."""
    [step] = compiled("name: p\nsteps:\n  a: {action: a/b/c.yml}\n").steps
    assert step.definition.adopt_window == timedelta(minutes=15)
    assert (step.definition.retry.attempts, step.definition.on_ambiguity) == (1, OnAmbiguity.REDISPATCH)


def test_steps_stand_after_what_they_need_and_otherwise_as_in_the_file():
    """The order is the same each time."""
    needs = {"d": "[c, a]", "b": "[]", "c": "[]", "a": "b"}
    steps = "".join(f"  {name}: {{wait: 1m, needs: {needed}}}\n" for name, needed in needs.items())
    text = f"name: p\nsteps:\n{steps}"
    assert [step.name for step in compiled(text).steps] == ["b", "c", "a", "d"]


def test_inputs_are_checked_before_anything_is_compiled():
    """Defaults fill in, and what does not fit is refused."""
    assert compiled(version="v1.2.3", canary="false").inputs == {"version": "v1.2.3", "canary": False}
    with pytest.raises(PipelineInputError, match="version: must match"):
        compiled(version="1.2")


def test_what_is_compiled_goes_through_json_unchanged():
    """It is a workflow's input, and survives in its history."""
    pipeline = compiled(version="v1.2.3")
    again = CompiledPipeline.model_validate_json(pipeline.model_dump_json())
    assert again == pipeline
    assert plan_digest(again) == plan_digest(pipeline)


def test_a_file_that_came_without_its_text_is_checked_too():
    """The API takes what the file takes, and no more; mistakes name their path."""
    file = PipelineFile.model_validate({"name": "p", "steps": {"a": {"action": "b/c.yml", "needs": ["x"]}}})
    with pytest.raises(PipelineFileError) as caught:
        compile_pipeline(file)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "steps.a.needs.0",
        "steps.a.action",
    ]


def test_an_action_is_dispatched_with_texts():
    """Whatever an input's type, GitHub gets the text that it would write itself."""
    text = """
name: p
inputs: {count: integer, go: boolean}
steps:
  a:
    action: acme/library/test.yml
    matrix: {os: [linux]}
    ref: 'release-${{ inputs.count }}'
    inputs: {n: '${{ inputs.count }}', go: '${{ inputs.go }}', os: '${{ matrix.os }}', fixed: 3, on: true}
    accept: skipped
    timeout: {queue: 1m, run: 2m}
    retry: {attempts: 2, on: failure, by: dispatch, delay: 1s}
"""
    pipeline = compiled(text, count=3, go=True)
    sequencer = Sequencer(pipeline, {})
    action = action_input(pipeline.steps[0].definition, sequencer.contexts("a[linux]"), step="a[linux]")
    assert (action.repository, action.workflow_file, action.ref) == ("acme/library", "test.yml", "release-3")
    assert action.inputs == {"n": "3", "go": "true", "os": "linux", "fixed": "3", "on": "true"}
    assert (action.accept, action.queue_timeout) == ({"skipped"}, timedelta(minutes=1))
    assert (action.retry.attempts, action.retry.by) == (2, RetryBy.DISPATCH)
    assert action.retry.on == {RetryOn.FAILURE}


def test_a_commit_that_is_none_is_told_before_the_dispatch():
    """What a step returned as a commit must be one."""
    text = (
        "name: p\ninputs: {sha: string}\nsteps:\n  a: {action: a/b/c.yml, expect-sha: '${{ inputs.sha }}'}\n"
    )
    pipeline = compiled(text, sha="main")
    with pytest.raises(ExpressionError, match="expect-sha is 'main', which is no commit"):
        action_input(pipeline.steps[0].definition, Sequencer(pipeline, {}).contexts("a"))


@pytest.mark.parametrize(
    ("matrix", "combinations"),
    [
        ({"os": ["a", "b"], "n": [1, 2]}, ["a1", "a2", "b1", "b2"]),
        ({"os": ["a", "b"], "n": [1, 2], "exclude": [{"os": "a", "n": 2}]}, ["a1", "b1", "b2"]),
        ({"os": ["a", "b"], "exclude": [{"os": "a"}]}, ["b"]),
        ({"os": ["a", "b"], "include": [{"os": "c", "n": 9}]}, ["a", "b", "c9"]),
        ({"os": ["a", "b"], "include": [{"os": "a", "n": 9}]}, ["a9", "b"]),
        ({"os": ["a", "b"], "include": [{"n": 9}]}, ["a9", "b9"]),
        ({"include": [{"os": "a"}, {"os": "b", "n": 1}]}, ["a", "b1"]),
        ({"n": [1, 2], "exclude": [{"n": "1"}]}, ["2"]),
    ],
)
def test_a_matrix_expands_as_at_github(matrix, combinations):
    """Includes join what they do not change and else stand alone; excludes match some of the values."""
    apart = {key: matrix.pop(key) for key in ("include", "exclude") if key in matrix}
    found = expand(Matrix.model_validate({"axes": matrix, **apart}))
    assert ["".join(str(value) for value in one.values()) for one in found] == combinations


def test_github_documents_this_matrix():
    """The example of GitHub's documentation gives what it says there."""
    matrix = Matrix.model_validate(
        {
            "axes": {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]},
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        }
    )
    assert expand(matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


COMBINATIONS = st.lists(
    st.fixed_dictionaries(
        {"a": st.one_of(st.text(alphabet="x,/ é~", max_size=4), st.integers(0, 3), st.booleans())},
        optional={"b": st.text(alphabet="x-/", max_size=3)},
    ),
    unique_by=canonical_json,
    max_size=8,
)


@given(COMBINATIONS)
def test_every_job_has_a_key_of_its_own(combinations):
    """No two jobs of a step are taken for one, and a key is plain enough for an id."""
    keys = job_keys("step", combinations)
    assert len(set(keys)) == len(combinations)
    assert all(key.isascii() and " " not in key and "/" not in key and len(key) < 100 for key in keys)


def test_keys_stay_when_other_combinations_come():
    """What ran before an edit is found again after it."""
    before = job_keys("t", [{"os": "linux"}, {"os": "windows server"}])
    after = job_keys("t", [{"os": "mac"}, {"os": "windows server"}, {"os": "linux"}])
    assert before == [after[2], after[1]]
    assert before[0] == "t[linux]"


def test_the_digest_is_the_same_wherever_it_is_computed():
    """Pinned: what people approve today must have the same digest tomorrow."""
    plan = {"b": [1, 2.5, None, True], "a": {"é": timedelta(minutes=1)}, "s": frozenset({"y", "x"})}
    assert canonical_json(plan) == '{"a":{"é":60.0},"b":[1,2.5,null,true],"s":["x","y"]}'
    assert plan_digest(plan) == plan_digest(dict(reversed(plan.items())))
    with pytest.raises(ValueError, match="not JSON compliant"):
        plan_digest({"x": float("nan")})
    with pytest.raises(TypeError, match="object has no canonical form"):
        plan_digest({"x": object()})
