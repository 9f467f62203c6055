import pytest

from perdure.errors import InvalidInputError, ReservedInputKeyError, WorkflowNotDispatchableError
from perdure.model.dispatch import DispatchInput
from perdure.model.workflow_files import WorkflowFileFacts, check_inputs

INPUTS = [
    DispatchInput(name="dispatch_id"),
    DispatchInput(name="version", required=True),
    DispatchInput(name="color", type="choice", options=("red", "green")),
    DispatchInput(name="dry_run", type="boolean", required=True),
    DispatchInput(name="count", type="number"),
    DispatchInput(name="channel", required=True, default="stable"),
]
FACTS = WorkflowFileFacts(dispatch_inputs={each.name: each for each in INPUTS})


def test_inputs_that_fit_are_returned_as_they_are():
    """Defaults are GitHub's to fill in."""
    inputs = {"version": "1.2", "color": "red", "dry_run": "true", "count": "3.5"}

    assert check_inputs(FACTS, inputs) == inputs
    assert FACTS.takes_dispatch_id


@pytest.mark.parametrize(
    ("inputs", "told", "hint"),
    [
        ({"version": "1", "colour": "red"}, "colour is not known", "did you mean color?"),
        ({"version": "1", "zzz": ""}, "zzz is not known", "takes channel, color, count, dry_run, version"),
        ({}, "version is required", "-f version=VALUE"),
        ({"version": ""}, "version is required", "-f version=VALUE"),
        ({"version": "1", "color": "gren"}, "color may not be 'gren'", "red, green; did you mean green?"),
        ({"version": "1", "dry_run": "yes"}, "dry_run may not be 'yes'", "true, false"),
        ({"version": "1", "count": "many"}, "count has to be a number", ""),
    ],
)
def test_an_input_that_does_not_fit_is_named(inputs, told, hint):
    """Before anything is sent, with the nearest name or what is allowed."""
    with pytest.raises(InvalidInputError, match=told) as caught:
        check_inputs(FACTS, inputs)
    assert hint in (caught.value.hint or "")


def test_a_file_without_trigger_is_refused_with_the_lines_to_add():
    """The hint can be pasted into the file."""
    with pytest.raises(WorkflowNotDispatchableError) as caught:
        check_inputs(WorkflowFileFacts(), {})
    assert "on:\n  workflow_dispatch:\n" in (caught.value.hint or "")


def test_the_dispatch_id_is_not_the_callers():
    """It ties a dispatch to its run."""
    with pytest.raises(ReservedInputKeyError, match="dispatch_id input is a reserved input key"):
        check_inputs(FACTS, {"version": "1", "dispatch_id": "x"})


@pytest.mark.parametrize(("limit", "count"), [(25, 25), (10, 10)])
def test_one_place_is_kept_for_the_dispatch_id(limit, count):
    """24 inputs of the caller's own; 9 on GitHub Enterprise Server up to 3.19."""
    with pytest.raises(InvalidInputError, match=f"{count} inputs are too many"):
        check_inputs(FACTS, {f"i{number}": "" for number in range(count)}, limit=limit)
