"""Files that are wrong, each with what is said about it in its first lines."""

from pathlib import Path

import pytest

from perdure.errors import PipelineFileError
from perdure.pipeline import read_pipeline

FILES = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_mistake_is_told_with_its_place_and_what_is_allowed(path):
    """All mistakes of a file are told at once, in its order, and nothing else is."""
    text = path.read_text(encoding="utf-8")
    expected = [line.removeprefix("# expect ") for line in text.splitlines() if line.startswith("# expect ")]
    with pytest.raises(PipelineFileError) as caught:
        read_pipeline(text, path.name)
    assert str(caught.value).splitlines() == [f"{path.name}:{line}" for line in expected]
    assert [f"{one['line']}:{one['column']}: {one['message']}" for one in caught.value.problems] == expected


def test_there_are_files_for_every_kind_of_mistake():
    """Nobody loses the cases by moving a folder."""
    assert len(FILES) >= 40


def test_a_file_over_256_kb_is_not_read():
    """Whoever sends a file cannot keep the reader busy."""
    with pytest.raises(
        PipelineFileError, match=r"1:1: the file is larger than 256 kB, the most that is read"
    ):
        read_pipeline("#" * 300 * 1024, "p.yaml")


def test_a_file_that_is_no_text_is_refused_with_its_place():
    """A control character has a line and a column."""
    with pytest.raises(
        PipelineFileError, match=r"p\.yaml:2:8: not YAML: a character that no text file holds"
    ):
        read_pipeline("name: p\nsteps: \x00", "p.yaml")


def test_a_mistake_inside_a_quoted_text_is_found_behind_its_escapes():
    """The column counts what stands in the file, not what it means."""
    text = 'name: p\nsteps:\n  a:\n    run: "a:b"\n    with: {x: "\\u00e9\\n${{ inputs.y }}"}\n'
    with pytest.raises(PipelineFileError, match=r"p:5:35: unknown input 'y'"):
        read_pipeline(text, "p")


def test_more_inputs_than_github_takes_are_refused():
    """The limit is told before anything is dispatched."""
    inputs = ", ".join(f"i{number}: x" for number in range(25))
    with pytest.raises(
        PipelineFileError, match="GitHub takes 25 inputs, dispatch_id is one of them, and these are 25"
    ):
        read_pipeline(f"name: p\nsteps:\n  a: {{action: a/b/c.yml, inputs: {{{inputs}}}}}\n")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("[0, 1]", "has 1024 combinations, and at most 1000 are allowed"),
        ("[" + ",".join(map(str, range(20))) + "]", "has 10240000000000 combinations"),
    ],
)
def test_a_matrix_has_at_most_1000_combinations(axes, message):
    """A matrix that would fill the memory is refused without being made."""
    lists = ", ".join(f"a{number}: {axes}" for number in range(10))
    with pytest.raises(PipelineFileError, match=message):
        read_pipeline(f"name: p\nsteps:\n  a: {{action: a/b/c.yml, matrix: {{{lists}}}}}\n")
