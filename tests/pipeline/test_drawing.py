"""What is written for people and editors: graphs, first files, the schema."""

import json
from pathlib import Path

import pytest

from perdure.errors import UsageError
from perdure.pipeline import compile_pipeline, first_file, mermaid, pipeline_schema, read_pipeline

EXAMPLE = (Path(__file__).parents[2] / "examples" / "release" / "pipeline.yaml").read_text(encoding="utf-8")


def test_a_graph_shows_steps_needs_and_what_undoes_them():
    """The release example as Mermaid."""
    lines = mermaid(read_pipeline(EXAMPLE)).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  step_test["test<br/>library/test.yml<br/>x 4"]' in lines
    assert '  step_approve{{"approve<br/>2 of alice, team:acme/release"}}' in lines
    assert "  step_build --> step_approve" in lines
    assert "  step_approve -. if .-> step_deploy" in lines
    assert '  undo_deploy_0("undo: deploy/rollback.yml")' in lines


def test_a_graph_shows_how_steps_stand():
    """States colour the steps of a compiled pipeline."""
    text = mermaid(
        compile_pipeline(read_pipeline(EXAMPLE), {"version": "v1.0.0"}),
        {"test": "success", "build": "running"},
    )
    assert "  class step_test success\n" in text
    assert "  class step_build running\n" in text


def test_names_in_a_graph_are_text():
    """A step's name cannot close its box, or add markup to a page that shows it."""
    text = mermaid(read_pipeline("name: p\nsteps:\n  end: {wait: 1m, name: '\"]<img src=x>`'}\n"))
    assert '  step_end(["#34;]#60;img src=x#62;#96;<br/>1m"])' in text.splitlines()


@pytest.mark.parametrize(
    "repositories",
    [["acme/library"], ["acme/library", "acme/1-Service", "acme/in"], ["a/x", "b/x", "c/approve", "d/x.y"]],
)
def test_a_first_file_is_right(repositories):
    """It passes the check, and releases each repository once, in order."""
    file = read_pipeline(first_file(repositories))
    pipeline = compile_pipeline(file, {"version": "v1.2.3"})
    actions = [step.definition.action for step in pipeline.steps if hasattr(step.definition, "action")]
    assert actions == [f"{repository}/release.yml" for repository in repositories]


@pytest.mark.parametrize(
    ("repositories", "message"),
    [(["library"], "'library' is not owner/name"), (["a/b", "a/b"], "a/b is named twice")],
)
def test_a_first_file_needs_repositories(repositories, message):
    """What is no repository is told."""
    with pytest.raises(UsageError, match=message):
        first_file(repositories)


def test_the_schema_explains_every_key():
    """Editors complete keys, list what is allowed, and say what it means."""
    schema = pipeline_schema()
    json.dumps(schema)
    definitions = schema["$defs"]
    assert definitions["OnTimeout"]["enum"] == ["reject", "approve", "escalate"]
    described = [schema, *(one for one in definitions.values() if one.get("properties"))]
    for part in described:
        assert part["description"]
        for key, found in part["properties"].items():
            assert found.get("description"), (part.get("title"), key)
        if part.get("title") != "Matrix":
            assert part["additionalProperties"] is False


def test_the_example_is_valid_under_the_schema():
    """What the reader takes, editors do not underline."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema")
    from ruamel.yaml import YAML

    jsonschema.validate(YAML(typ="safe", pure=True).load(EXAMPLE), pipeline_schema())
