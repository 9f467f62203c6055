"""Workflow files that jobs call: ``jobs.x.uses: ./.github/workflows/y.yml``.

https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows
"""

import os
import shutil
from collections.abc import Mapping

from perdure.emulator.execution.definitions import JobDefinition
from perdure.emulator.execution.dispatch_inputs import typed_inputs
from perdure.emulator.execution.errors import WorkflowFileError
from perdure.emulator.execution.expressions import Scope, evaluate_tree, interpolate, to_text
from perdure.emulator.execution.interface import JobResult, RunRequest
from perdure.emulator.execution.process import Process
from perdure.emulator.execution.stopping import Stop
from perdure.emulator.execution.workflow_file import WorkflowFile

_MAX_DEPTH = 10


async def load_called(request: RunRequest, file: WorkflowFile) -> dict[str, WorkflowFile]:
    """Read every file that the jobs of a file call, and those that they call in turn.

    Raises:
        WorkflowFileError: One is missing, not to be called, called with other inputs than it declares, or in
            another repository.
    """
    loaded: dict[str, WorkflowFile] = {}
    await _load(request, file, loaded, ())
    return loaded


async def _load(
    request: RunRequest, file: WorkflowFile, loaded: dict[str, WorkflowFile], path: tuple[str, ...]
) -> None:
    for job in file.jobs.values():
        if job.uses is None:
            continue
        if job.uses in path or len(path) >= _MAX_DEPTH:
            raise job.place.error(f'error parsing called workflow "{job.uses}": it calls itself, or too deep')
        if job.uses not in loaded:
            try:
                loaded[job.uses] = WorkflowFile.parse(await _text(request, job))
            except WorkflowFileError as error:
                raise job.place.error(f'error parsing called workflow "{job.uses}": {error}') from None
            await _load(request, loaded[job.uses], loaded, (*path, job.uses))
        _check_call(job, loaded[job.uses])


async def _text(request: RunRequest, job: JobDefinition) -> str:
    uses = job.uses or ""
    if not uses.startswith("./.github/workflows/") or "@" in uses:
        raise WorkflowFileError(
            "the emulator calls workflow files of the same repository only (./.github/workflows/)"
        )
    git = shutil.which("git")
    if git is None:
        raise WorkflowFileError("git: command not found")
    lines: list[str] = []
    process = Process(
        [git, "-C", str(request.repository_dir.resolve()), "show", f"{request.head_sha}:{uses[2:]}"],
        env={"PATH": os.defpath, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )
    if await process.finish(lines.append, Stop()) != 0:
        raise WorkflowFileError("workflow was not found")
    return "\n".join(lines)


def _check_call(job: JobDefinition, called: WorkflowFile) -> None:
    if called.call is None:
        raise job.place.error(
            f'error parsing called workflow "{job.uses}": workflow is not reusable as it is missing a '
            "`on.workflow_call` trigger"
        )
    given = set(job.arguments) if isinstance(job.arguments, Mapping) else set()
    for name in sorted(given - set(called.call.inputs)):
        raise job.place.error(f"Invalid input, {name} is not defined in the referenced workflow.")
    for name, declared in called.call.inputs.items():
        if declared.required and declared.default is None and name not in given:
            raise job.place.error(f"Input {name} is required, but not provided while calling.")


def call_inputs(called: WorkflowFile, job: JobDefinition, scope: Scope) -> dict[str, object]:
    """Evaluate the inputs of a call to the types that the called file declares.

    Raises:
        ExpressionError: An expression fails.
    """
    declared = called.call.inputs if called.call else {}
    given = evaluate_tree(job.arguments or {}, scope)
    values = given if isinstance(given, Mapping) else {}
    texts = {
        name: to_text(values[name]) if name in values else one.default or "" for name, one in declared.items()
    }
    return typed_inputs(declared, texts)


def call_outputs(
    called: WorkflowFile, results: Mapping[str, JobResult], contexts: Mapping[str, object]
) -> dict[str, str]:
    """Evaluate the outputs of a called file from how its jobs ended.

    Raises:
        ExpressionError: An expression fails.
    """
    jobs = {name: {"result": one.result, "outputs": dict(one.outputs)} for name, one in results.items()}
    scope = Scope(contexts={**contexts, "jobs": jobs})
    outputs = called.call.outputs if called.call else {}
    return {name: interpolate(value, scope) for name, value in outputs.items()}
