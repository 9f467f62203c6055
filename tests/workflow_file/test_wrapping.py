"""Workflow files that run one action."""

import pytest

from perdure.emulator.execution import WorkflowFile
from perdure.workflow_file import DoctorRules, mend
from perdure.workflow_file.action_file import read_action
from perdure.workflow_file.document import UnreadableFileError
from perdure.workflow_file.wrapping import MOST_INPUTS, Pin, wrap
from workflow_file.corpus import loaded

RULES = DoctorRules(with_step=False)
SHA = "0123456789abcdef0123456789abcdef01234567"
ACTION = """
name: 'Ship: it'
description: Ships it
inputs:
  version:
    description: "What to ship; \\"quoted\\", with ${{ an.expression }}"
    required: true
  dry-run: {description: Only look, default: 'false'}
  branch: {default: "${{ github.ref_name }}"}
  title: {default: "Release ${{ github.sha }}"}
  token: {default: "${{ github.token }}", required: true}
  apiKey: {required: true}
  old: {deprecationMessage: use version}
  "two words": {}
outputs:
  url: {description: Where it is}
runs: {using: node20, main: index.js}
"""


def wrapped(text=ACTION, action="acme/ship", **options):
    pin = Pin(action=action, sha=SHA, version="v1.2.3")
    return wrap(pin, read_action(text), RULES, permissions=options.pop("permissions", {}), **options)


def test_an_action_becomes_dispatchable():
    """Its inputs are the dispatch's, its outputs the artifact, and it is pinned with its version beside."""
    made = wrapped()
    content = loaded(made.text)
    inputs = content["on"]["workflow_dispatch"]["inputs"]
    action, *after = content["jobs"]["run"]["steps"]

    assert list(inputs) == ["version", "dry-run", "branch", "dispatch_id"]
    assert inputs["dry-run"] == {"description": "Only look", "type": "boolean", "default": False}
    assert f"uses: acme/ship@{SHA} # v1.2.3\n" in made.text
    assert action["with"] == {
        "version": "${{ inputs.version }}",
        "dry-run": "${{ inputs.dry-run }}",
        "branch": "${{ inputs.branch || github.ref_name }}",
        "apiKey": "${{ secrets.API_KEY }}",
    }
    assert after[-1]["with"] == {"name": "perdure-outputs", "path": "perdure-outputs.json"}
    assert content["permissions"] == {"contents": "read"}


def test_what_people_should_know_is_said():
    """Inputs that keep their defaults, secrets, and that nobody knows what the action does."""
    notes = "\n".join(wrapped().notes)

    for words in ("input title keeps", "input two words keeps", "apiKey is read from the secret API_KEY"):
        assert words in notes
    assert "whether acme/ship changes something outside is not known" in notes


def test_what_is_written_lacks_nothing():
    """The doctor finds nothing in it, and the emulated GitHub takes it."""
    text = wrapped(is_guarded=True).text

    assert mend("ship.yml", text, RULES).findings == ()
    assert set(WorkflowFile.parse(text).dispatch_inputs) == {"version", "dry-run", "branch", "dispatch_id"}


def test_nothing_that_an_action_says_becomes_an_expression():
    """A name or a description is somebody else's text."""
    text = wrapped(ACTION.replace("Ship: it", "${{ secrets.X }}")).text

    assert loaded(text)["name"] == "$ {{ secrets.X }}"
    assert (
        "$ {{ an.expression }}" in loaded(text)["on"]["workflow_dispatch"]["inputs"]["version"]["description"]
    )


def test_known_actions_are_guarded_and_get_what_they_need():
    """A release needs to write contents, and nothing else; more can be granted."""
    text = wrapped(
        "name: x\nruns: {using: node20}\n", "softprops/action-gh-release", permissions={"packages": "read"}
    )
    content = loaded(text.text)

    assert content["permissions"] == {"contents": "write", "packages": "read"}
    assert content["jobs"]["run"]["steps"][0]["if"] == "vars.PERDURE_LIVE == 'true'"
    assert len(content["jobs"]["run"]["steps"]) == 1
    assert text.notes == ()


def test_an_action_of_many_inputs_keeps_the_required_ones():
    """GitHub takes 25 inputs: the dispatch id, and 24 of the action's."""
    many = "".join(f"  i{number}: {{}}\n" for number in range(30)) + "  last: {required: true}\n"
    made = wrapped(f"name: x\ninputs:\n{many}runs: {{using: node20}}\n")
    inputs = loaded(made.text)["on"]["workflow_dispatch"]["inputs"]

    assert len(inputs) == MOST_INPUTS + 1
    assert "last" in inputs
    assert sum("GitHub takes 24 inputs" in note for note in made.notes) == 7


def test_what_is_no_action_is_refused():
    """A workflow file is none."""
    with pytest.raises(UnreadableFileError, match="it has no runs"):
        read_action("on: push\njobs: {}\n")
