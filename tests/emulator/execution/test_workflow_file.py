"""Workflow files: what GitHub accepts, and how it words what it does not."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.emulator.execution import DispatchRefusedError, WorkflowFile, WorkflowFileError
from perdure.emulator.execution.yaml_text import read_yaml

JOBS = "jobs: {build: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"


def parse(text):
    return WorkflowFile.parse(textwrap.dedent(text))


def dispatchable(inputs):
    return parse(f"on: {{workflow_dispatch: {{inputs: {inputs}}}}}\n{JOBS}")


@pytest.mark.parametrize(
    ("on", "triggers", "dispatch"),
    [
        ("push", ("push",), None),
        ("workflow_dispatch", ("workflow_dispatch",), {}),
        ("[push, workflow_dispatch]", ("push", "workflow_dispatch"), {}),
        ("{workflow_dispatch: }", ("workflow_dispatch",), {}),
        ("{schedule: [{cron: '0 0 * * *'}], workflow_dispatch: {}}", ("schedule", "workflow_dispatch"), {}),
    ],
)
def test_on_is_a_key_in_all_its_forms(on, triggers, dispatch):
    """`on` is read as YAML 1.2 reads it, as a text, a sequence or a mapping."""
    file = parse(f"on: {on}\n{JOBS}")
    assert file.triggers == triggers
    assert file.dispatch_inputs == dispatch


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("3.10", 3.1),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2001-01-01", "2001-01-01"),
        ("1e3", 1000.0),
        ("!!str 5", "5"),
        ("12:30", "12:30"),
        ("|\n  5", "5\n"),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    """Scalars are what YAML 1.2 says: no `yes`, no dates, no octals by a leading zero."""
    read = read_yaml(f"k: {text}\n")
    assert read == {"k": value}
    assert type(read["k"]) is type(value)


def test_anchors_are_followed():
    """An alias stands for what its anchor names, as GitHub supports since 2025."""
    assert read_yaml("a: &x {k: 1}\nb: *x\n") == {"a": {"k": 1}, "b": {"k": 1}}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "counted through its aliases"),
        ("a: *nothing\n", "nothing"),
        ("a: " + "[" * 60 + "]" * 60, "Maximum object depth of 50 exceeded"),
        ("a: " + "x" * 300_000, "larger than 256 kB"),
        ("a: 1\na: 2\n", "(Line: 2, Col: 1): 'a' is already defined"),
        ("a: [1\n", "(Line: "),
        ("? [1]\n: 2\n", "A mapping's key is a text"),
        ("a: 1\n---\nb: 2\n", "one document"),
        ("\x00", ""),
    ],
    ids=["bomb", "unknown-anchor", "deep", "large", "twice", "broken", "odd-key", "two", "control"],
)
def test_hostile_yaml_is_refused(text, message):
    """Size, depth, repetition and broken YAML are refused quickly and with a place."""
    with pytest.raises(WorkflowFileError) as caught:
        read_yaml(text)
    assert message in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab:- \n{}[]&*!|>'\"#?,%@`\t1", max_size=40))
def test_no_text_crashes_the_reader(text):
    """Whatever a file holds, it is a workflow or its own error."""
    try:
        WorkflowFile.parse(text)
    except WorkflowFileError:
        return


STEP = "runs-on: x, steps: [{run: 'true'}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No event triggers defined in `on`"),
        ("[]", "(Line: 1, Col: 1): A mapping was expected"),
        (JOBS, "No event triggers defined in `on`"),
        ("on: push\n", "Required property is missing: jobs"),
        ("on: push\nfoo: 1\n" + JOBS, "(Line: 2, Col: 1): Unexpected value 'foo'"),
        ("on: push\njobs: {b: {steps: [{run: x}]}}", "Required property is missing: runs-on"),
        ("on: push\njobs: {b: {runs-on: x}}", "Required property is missing: steps"),
        ("on: push\njobs: {b: {runs-on: x, steps: [{}]}}", "must define a `uses` or `run` key"),
        (
            "on: push\njobs: {b: {runs-on: x, steps: [{run: x, uses: y}]}}",
            "must define a `uses` or `run` key",
        ),
        ("on: push\njobs: {b: {runs-on: x, steps: [{run: x, wiht: y}]}}", "Unexpected value 'wiht'"),
        ("on: push\njobs: {b: {runs-on: x, steps: [{uses: x, shell: y}]}}", "Unexpected value 'shell'"),
        ("on: push\njobs: {b: {runs-on: x, steps: [{run: x, id: a},{run: x, id: A}]}}", "more than once"),
        (f"on: push\njobs: {{'1b': {{{STEP}}}}}", "The identifier '1b' is invalid"),
        (f"on: push\njobs: {{b: {{{STEP}, needs: c}}}}", "Job 'b' depends on unknown job 'c'."),
        (f"on: push\njobs: {{b: {{{STEP}, needs: b}}}}", "at least one job with no dependencies"),
        (
            f"on: push\njobs: {{a: {{{STEP}}}, b: {{{STEP}, needs: c}}, c: {{{STEP}, needs: b}}}}",
            "Job 'b' depends on job 'c' which creates a cycle in the dependency graph.",
        ),
        (f"on: push\njobs: {{b: {{{STEP}, if: steps.x}}}}", "Unrecognized named-value: 'steps'"),
        (f"on: push\njobs: {{b: {{{STEP}, if: hashFiles('x')}}}}", "Unrecognized function: 'hashFiles'"),
        (f"on: push\nrun-name: ${{{{ needs.x }}}}\n{JOBS}", "Unrecognized named-value: 'needs'"),
        (
            "on: push\njobs: {b: {runs-on: x, steps: [{run: '${{ foo }}'}]}}",
            "Unrecognized named-value: 'foo'",
        ),
        ("on: push\njobs: {b: {runs-on: x, steps: [{run: '${{ 1 + 1 }}'}]}}", "Unexpected symbol: '+'"),
        ("on: push\njobs: {b: {runs-on: x, steps: [{run: '${{ inputs.x'}]}}", "The expression is not closed"),
        (f"on: {{workflow_dispatch: {{inputs: {{a: {{type: list}}}}}}}}\n{JOBS}", "Unexpected value 'list'"),
        (f"on: {{workflow_dispatch: {{inputs: {{a: {{type: choice}}}}}}}}\n{JOBS}", "missing: options"),
        (f"on: push\nconcurrency: {{cancel-in-progress: true}}\n{JOBS}", "missing: group"),
    ],
)
def test_a_file_that_github_refuses_is_refused(text, message):
    """What GitHub would answer with a startup failure is refused in its words, with line and column."""
    with pytest.raises(WorkflowFileError) as caught:
        WorkflowFile.parse(text)
    assert message in str(caught.value)


def test_inputs_are_read_and_filled_in():
    """Declared inputs keep their kinds, and defaults fill in what a caller leaves out."""
    file = dispatchable(
        "{a: {required: true, description: D}, b: {default: x}, c: {type: boolean}, n: {type: number},"
        " e: {type: choice, options: [one, 2], default: one}, f: {type: boolean, default: true}, g: }"
    )
    assert file.dispatch_inputs["a"].required
    assert file.dispatch_inputs["a"].description == "D"
    assert file.dispatch_inputs["e"].options == ("one", "2")
    checked = file.check_dispatch({"a": "1", "e": "2", "n": 4})
    assert checked == {"a": "1", "b": "x", "c": "false", "n": "4", "e": "2", "f": "true", "g": ""}
    values = file.input_values(checked)
    assert values == {"a": "1", "b": "x", "c": False, "n": 4.0, "e": "2", "f": True, "g": ""}


@pytest.mark.parametrize(
    ("inputs", "given", "message"),
    [
        ("{}", {"distinct_id": "1"}, 'Unexpected inputs provided: ["distinct_id"]'),
        ("{}", {"x": "1", "y": "2"}, 'Unexpected inputs provided: ["x", "y"]'),
        ("{ref: {required: true}}", {}, "Required input 'ref' not provided"),
        ("{ref: {required: true}}", {"ref": ""}, "Required input 'ref' not provided"),
        (
            "{debug: {type: choice, options: [on, off]}}",
            {"debug": ""},
            "Provided value '' for input 'debug' not in the list of allowed values",
        ),
        (
            "{flag: {type: boolean}}",
            {"flag": "maybe"},
            "Provided value 'maybe' for input 'flag' not in the list of allowed values",
        ),
        ("{a: }", {"a": "x" * 65_535}, "inputs are too large."),
        ("{a: }", {"a": ["x"]}, "Invalid request.\n\nFor 'properties/inputs/a', [\"x\"] is not a string."),
    ],
)
def test_a_dispatch_is_refused_in_githubs_words(inputs, given, message):
    """Each refusal is the text of GitHub's 422."""
    with pytest.raises(DispatchRefusedError) as caught:
        dispatchable(inputs).check_dispatch(given)
    assert str(caught.value) == message


def test_too_many_inputs_are_refused():
    """The limit is GitHub's 25, or the 10 of older servers."""
    file = dispatchable("{a: }")
    with pytest.raises(
        DispatchRefusedError, match="No more than 25 properties are allowed; 26 were supplied"
    ):
        file.check_dispatch({f"i{n}": "" for n in range(26)})
    with pytest.raises(DispatchRefusedError, match="No more than 10 properties"):
        file.check_dispatch({f"i{n}": "" for n in range(11)}, max_inputs=10)


def test_a_file_without_the_trigger_is_not_dispatched():
    """A file that other events trigger cannot be dispatched."""
    with pytest.raises(DispatchRefusedError, match="Workflow does not have 'workflow_dispatch' trigger"):
        parse(f"on: push\n{JOBS}").check_dispatch({})


def test_a_title_is_the_run_name_or_the_workflows():
    """A run is called by its run-name, else by the workflow's name, else by the file's path."""
    contexts = {"inputs": {"id": "d-1"}, "github": {"workflow": ".github/workflows/x.yml"}, "vars": {}}
    assert (
        parse(f"on: push\nname: N\nrun-name: 'R [${{{{ inputs.id }}}}]'\n{JOBS}").title(contexts) == "R [d-1]"
    )
    assert parse(f"on: push\nname: N\nrun-name: ${{{{ inputs.none }}}}\n{JOBS}").title(contexts) == "N"
    assert parse(f"on: push\nname: N\n{JOBS}").title(contexts) == "N"
    assert parse(f"on: push\n{JOBS}").title(contexts) == ".github/workflows/x.yml"


def test_a_concurrency_group_is_evaluated():
    """The group and the switch may hold expressions."""
    contexts = {"inputs": {"stop": True}, "github": {"ref": "r"}, "vars": {}}
    text = "on: push\nconcurrency: {group: 'g-${{ github.ref }}', cancel-in-progress: '${{ inputs.stop }}'}\n"
    assert parse(text + JOBS).concurrency_group(contexts) == ("g-r", True)
    assert parse(f"on: push\nconcurrency: one\n{JOBS}").concurrency_group(contexts) == ("one", False)
    assert parse(f"on: push\n{JOBS}").concurrency_group(contexts) is None
