import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import InvalidInputError
from perdure.github import read_workflow_file
from perdure.model.dispatch import Correlation, DispatchInput

WITH_ID = "on: {workflow_dispatch: {inputs: {dispatch_id: }}}\n"


@pytest.mark.parametrize(
    ("text", "dispatchable"),
    [
        ("on: workflow_dispatch", True),
        ("on: [push, workflow_dispatch]", True),
        ("on:\n  push:\n  workflow_dispatch:", True),
        ("'on': workflow_dispatch", True),
        ("%YAML 1.1\n---\non: workflow_dispatch", True),
        ("on: push", False),
        ("on: [push]", False),
        ("on: {push: }", False),
        ("name: x", False),
        ("on: 3", False),
    ],
)
def test_every_form_of_on_is_read(text, dispatchable):
    """A name, a list or a mapping; in YAML 1.1 the word itself would be true."""
    assert (read_workflow_file(text).dispatch_inputs is not None) is dispatchable


def test_inputs_are_read_as_they_are_sent():
    """Values are text on the wire, whatever YAML makes of them."""
    facts = read_workflow_file(
        """
on:
  workflow_dispatch:
    inputs:
      plain:
      color: {type: choice, options: [red, 1.5, true], required: true, default: red}
      dry_run: {type: boolean, default: false}
"""
    )

    assert facts.dispatch_inputs == {
        "plain": DispatchInput(name="plain"),
        "color": DispatchInput(
            name="color", type="choice", options=("red", "1.5", "true"), required=True, default="red"
        ),
        "dry_run": DispatchInput(name="dry_run", type="boolean", default="false"),
    }
    assert not facts.takes_dispatch_id


@pytest.mark.parametrize(
    ("rest", "correlation"),
    [
        ("run-name: Deploy [${{ inputs.dispatch_id }}]", Correlation.RUN_NAME),
        ("run-name: ${{ github.event.inputs.dispatch_id }}", Correlation.RUN_NAME),
        ("run-name: ${{ format('{0}', inputs['dispatch_id']) }}", Correlation.RUN_NAME),
        ("run-name: dispatch_id", Correlation.NONE),
        ("run-name: ${{ inputs.dispatch_id_old }}", Correlation.NONE),
        ("run-name: ${{ github.sha }} inputs.dispatch_id ${{ 1 }}", Correlation.NONE),
        ("jobs: {a: {steps: [{name: 'Dispatch ${{ inputs.dispatch_id }}'}]}}", Correlation.STEP_NAME),
        ("jobs: {a: {steps: [{run: 'echo ${{ inputs.dispatch_id }}'}]}}", Correlation.NONE),
        ("jobs: {a: , b: {uses: x}, c: {steps: [1, {name: 2}]}}", Correlation.NONE),
    ],
)
def test_where_the_dispatch_id_shows_is_found(rest, correlation):
    """In the run's name, in a step's name, or nowhere that can be looked up."""
    assert read_workflow_file(WITH_ID + rest).correlation is correlation


def test_a_file_that_takes_no_dispatch_id_cannot_show_it():
    """The expression would be empty."""
    facts = read_workflow_file("on: workflow_dispatch\nrun-name: x ${{ inputs.dispatch_id }}")

    assert facts.correlation is Correlation.NONE


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("concurrency: a", "a"),
        ("concurrency: {group: '${{ github.ref }}'}", "${{ github.ref }}"),
        ("a: b", None),
    ],
)
def test_the_concurrency_group_is_read(text, group):
    """What may hold a run back."""
    assert read_workflow_file(text).concurrency_group == group


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on: push\n  jobs: {", "not YAML in line 2"),
        ("a: 1\na: 2", "not YAML in line 2"),
        ("a: *b", "not YAML in line 1"),
        ("- a\n- b", "holds no mapping"),
        ("", "holds no mapping"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 50"),
        ("x" * 300_000, "more than 256,000 characters"),
        ("a: &a {b: c}\nd:\n  <<: *a", "merge key in line 3"),
        ("\x00", "not YAML"),
    ],
)
def test_what_is_no_workflow_file_is_said_with_its_line(text, told):
    """The file is somebody else's: an error, never a crash or a feast."""
    with pytest.raises(InvalidInputError, match=told):
        read_workflow_file(text)


def test_anchors_are_read_without_growing():
    """GitHub takes anchors; a few lines that name each other a billion times cost nothing."""
    levels = "\n".join(
        f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9)}]" for number in range(1, 12)
    )
    text = f"on: workflow_dispatch\nl0: &l0 [x]\n{levels}\njobs: {{a: {{steps: *l11}}}}"

    assert read_workflow_file(text).dispatch_inputs == {}


@given(st.text(alphabet="on: workflow_dispatch\n-[]{}&*!|>'\"#%,inputs\t0", max_size=60))
def test_no_text_breaks_the_reader(text):
    """Every text is a workflow file or an error of ours."""
    try:
        read_workflow_file(text)
    except InvalidInputError:
        return
