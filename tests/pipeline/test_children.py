"""Pipelines and those that their steps run: what one gives and expects, the other takes and returns."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.cli._pipeline_sources import read_sources
from perdure.errors import PipelineFileError
from perdure.pipeline.children import children_problems
from perdure.pipeline.reading import examine_pipeline

CASES = sorted((Path(__file__).parent / "broken_together").iterdir())


def expected_of(folder):
    """Return what each file says of itself in its last lines."""
    return {
        f"{path.name}:{line.removeprefix('# expect ')}"
        for path in folder.glob("*.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("# expect ")
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_every_mistake_of_all_files_is_told_at_once(folder, monkeypatch):
    """Each with its file, line and column; none hides another, and nothing else is said."""
    monkeypatch.chdir(folder)
    with pytest.raises(PipelineFileError) as caught:
        read_sources("parent.yaml")
    said = str(caught.value).splitlines()
    assert set(said) == expected_of(folder)
    assert len(said) == len(caught.value.problems) == len(set(said))


def test_there_are_cases_for_every_kind_of_mistake():
    """Nobody loses them by moving a folder."""
    assert len(CASES) >= 5


CHILD = """
name: child
inputs:
  text: {type: string, required: true}
  number: {type: number, default: 1.5}
  whole: integer
  yes: boolean
  shape: {type: choice, options: [round, square], default: round}
steps: {a: {action: a/b/c.yml, outputs: {image: string}}}
outputs: {image: '${{ steps.a.outputs.image }}', count: '${{ inputs.whole }}', line: 'v${{ inputs.whole }}'}
"""


@pytest.mark.parametrize(
    "inputs",
    [
        "{text: v1}",
        "{text: 3, number: 2, whole: '7', yes: 'true', shape: square}",
        "{text: '${{ inputs.count }}', number: '${{ inputs.count }}', whole: '${{ inputs.name }}'}",
        "{text: 'v${{ inputs.sure }}', yes: '${{ inputs.sure }}', shape: '${{ inputs.name }}'}",
        "{text: '${{ string(inputs.sure) }}', yes: '${{ inputs.name }}'}",
    ],
)
def test_what_may_fit_is_no_mistake(tmp_path, inputs):
    """A text may hold a number, and a number becomes text: what only a run can know is not guessed."""
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "parent.yaml").write_text(
        "name: parent\ninputs: {name: string, count: integer, sure: boolean}\n"
        f"steps:\n  a: {{pipeline: child.yaml, inputs: {inputs},"
        " outputs: {image: string, count: number, line: integer}}\n"
    )
    sources = read_sources(str(tmp_path / "parent.yaml"))
    assert list(sources.files) == ["child.yaml"]


def test_paths_are_relative_to_the_file_that_names_them(tmp_path):
    """And are kept relative to the first one, so that a plan is the same anywhere."""
    (tmp_path / "parts" / "more").mkdir(parents=True)
    step = "name: p\nsteps: {a: {pipeline: %s}}\n"
    (tmp_path / "top.yaml").write_text(step % "parts/middle.yaml")
    (tmp_path / "parts" / "middle.yaml").write_text(step % "more/../more/leaf.yaml")
    (tmp_path / "parts" / "more" / "leaf.yaml").write_text("name: p\nsteps: {a: {wait: 1s}}\n")
    sources = read_sources(str(tmp_path / "top.yaml"))
    assert sorted(sources.files) == ["parts/middle.yaml", "parts/more/leaf.yaml"]
    assert sources.files["parts/middle.yaml"].steps["a"].pipeline == "parts/more/leaf.yaml"


def test_a_child_that_is_no_text_is_told_beside_the_rest(tmp_path):
    """Its line and column, and the mistakes of the file that names it."""
    (tmp_path / "child.yaml").write_bytes(b"name: \xff\n")
    (tmp_path / "parent.yaml").write_text("name: p\nsteps: {a: {pipeline: child.yaml, needs: b}}\n")
    with pytest.raises(PipelineFileError) as caught:
        read_sources(str(tmp_path / "parent.yaml"))
    said = str(caught.value)
    assert re.search(r"parent\.yaml:2:\d+: unknown step 'b'", said)
    assert "child.yaml:1:7: the file is not UTF-8 text" in said


PARENT = """
name: parent
inputs: {name: string, count: integer, sure: boolean}
steps:
  first:
    pipeline: child.yaml
    inputs: {text: '${{ inputs.name }}', whole: '${{ inputs.count }}', yes: true}
    outputs: {image: string, count: integer}
  second: {needs: first, pipeline: child.yaml, inputs: {text: '${{ steps.first.outputs.image }}'}}
"""


def changed(data, text):
    """Return a text with a piece of it taken out, doubled or replaced."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    piece = data.draw(
        st.sampled_from(["", "${{", "}}", "'", "{", ": ", "- ", "null", "3", text[start:end] * 2])
    )
    return text[:start] + piece + text[end:]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_files_with_a_piece_changed_are_compared_or_refused(data):
    """Nothing of two files that were right a moment ago ends in a traceback; each problem has a place."""
    parent = examine_pipeline(changed(data, PARENT), "parent.yaml")
    child = examine_pipeline(changed(data, CHILD), "child.yaml")
    steps = [name for name in ("first", "second") if parent.file and name in parent.file.steps]
    problems = children_problems(parent, dict.fromkeys(steps, child))
    parent.add(problems)
    assert all(problem.message and problem.path[0] == "steps" for problem in problems)
    for error in (parent.error(), child.error()):
        assert error is None or all(one["line"] >= 1 and one["column"] >= 1 for one in error.problems)
