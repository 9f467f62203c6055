"""Composite actions that live in the repository: ``uses: ./path``.

https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from perdure.emulator.execution.definitions import StepDefinition, read_steps
from perdure.emulator.execution.errors import WorkflowFileError
from perdure.emulator.execution.expressions import Scope, evaluate_tree, interpolate, to_text
from perdure.emulator.execution.globbing import open_within
from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.job_state import Frame
from perdure.emulator.execution.sections import section, subsection, template, text_of
from perdure.emulator.execution.yaml_text import MAX_BYTES, Place, YamlMapping, YamlSequence, read_yaml

_MAX_DEPTH = 10
_STEP_NAMES = frozenset({"github", "inputs", "strategy", "matrix", "steps", "job", "runner", "env"})


@dataclass(frozen=True, kw_only=True)
class CompositeAction:
    """An ``action.yml`` whose ``runs.using`` is ``composite``."""

    defaults: Mapping[str, object]
    steps: tuple[StepDefinition, ...]
    outputs: Mapping[str, object]


async def run_composite(invocation: Invocation) -> None:
    """Run the steps of a composite action within the step that uses it.

    Raises:
        StepFailedError: One of its steps failed, or there is no such action.
        WorkflowFileError: Its file cannot be used.
    """
    job, frame = invocation.job, invocation.frame
    if frame.depth >= _MAX_DEPTH:
        raise StepFailedError(f"Composite action depth exceeded max depth {_MAX_DEPTH}")
    folder = job.workspace.joinpath(*Path(invocation.step.uses or "").parts)
    action = _read(_manifest(folder, job.workspace))
    given = invocation.arguments()
    for name in given:
        if name not in {known.lower() for known in action.defaults}:
            expected = ", ".join(f"'{known}'" for known in action.defaults)
            invocation.log_warning(f"Unexpected input(s) '{name}', valid inputs are [{expected}]")
    scope = Scope(contexts={"github": {**job.github, **frame.action, "action_path": str(folder)}})
    inner = Frame(
        inputs={
            name: given[name.lower()] if name.lower() in given else to_text(evaluate_tree(default, scope))
            for name, default in action.defaults.items()
        },
        env={**frame.env, **invocation.env},
        depth=frame.depth + 1,
        action={**frame.action, "action_path": str(folder)},
    )
    await invocation.runner.run(action.steps, inner, invocation.number, invocation.stop)
    for name, value in action.outputs.items():
        invocation.outputs[name] = interpolate(value, job.scope(inner))
    if inner.failed:
        # The step that failed has said why.
        raise StepFailedError("")


def _manifest(folder: Path, workspace: Path) -> str:
    for name in ("action.yml", "action.yaml"):
        path = Path(os.path.realpath(folder / name))
        if path.is_file() and path.is_relative_to(os.path.realpath(workspace)):
            with open_within(path, workspace) as file:
                return file.read(MAX_BYTES + 1).decode("utf-8", "replace")
    raise StepFailedError(
        f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '{folder}'. "
        "Did you forget to run actions/checkout before running your local action?"
    )


@lru_cache(maxsize=64)
def _read(text: str) -> CompositeAction:
    root = section(read_yaml(text), Place(1, 1))
    runs = subsection(root, "runs")
    using = text_of(runs, "using")
    if using is None or using.lower() != "composite":
        raise WorkflowFileError(f"the emulator runs composite actions only, and this one is '{using}'")
    inputs = subsection(root, "inputs")
    defaults = {name: template(subsection(inputs, name), "default", {"github"}) or "" for name in inputs}
    outputs = subsection(root, "outputs")
    values = {name: template(subsection(outputs, name), "value", _STEP_NAMES) or "" for name in outputs}
    steps = read_steps(runs, _STEP_NAMES, _STEP_NAMES)
    _require_shells(steps, runs)
    return CompositeAction(defaults=defaults, steps=steps, outputs=values)


def _require_shells(steps: tuple[StepDefinition, ...], runs: YamlMapping) -> None:
    declared = runs["steps"]
    places = declared.item_places if isinstance(declared, YamlSequence) else []
    for step, place in zip(steps, places, strict=True):
        if step.run is not None and step.shell is None:
            raise place.error("Required property is missing: shell")
