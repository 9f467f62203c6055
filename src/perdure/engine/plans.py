"""Plans a pipeline: asks GitHub for everything that can be known before it runs, and changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

from perdure.errors import GitHubPermissionError, GitHubUnavailableError, PerdureError, PlanError
from perdure.github import GitHubClient
from perdure.model.dispatch import DISPATCH_ID_INPUT, DispatchInput, check_caller_inputs
from perdure.model.names import workflow_path
from perdure.model.workflow_files import WorkflowFileFacts, check_inputs
from perdure.pipeline import CompiledPipeline, PipelineFile
from perdure.pipeline.plan import Plan, PlannedAction
from perdure.pipeline.planning import Outline, outline

_REQUESTS_AT_ONCE = 8
_LATE = "known later"

_T = TypeVar("_T")


async def make_plan(
    github: GitHubClient, compiled: CompiledPipeline, files: Mapping[str, PipelineFile] | None = None
) -> Plan:
    """Plan a pipeline: resolve refs to commits, and check that each workflow file takes its inputs.

    Args:
        github: Its credentials need to read contents and Actions.
        compiled: The pipeline.
        files: Pipelines that its steps run, by the path that the step names.

    Raises:
        PlanError: With everything that is wrong.
        GitHubUnavailableError: GitHub does not answer: nobody can know.
    """
    found = outline(compiled, files or {})
    planning = _Planning(github, found)
    found.actions = await planning.resolved(found.actions, pinned=True)
    found.compensations = await planning.resolved(found.compensations, pinned=False)
    if found.problems:
        lines = [f"{problem['job']}: {problem['message']}" for problem in found.problems]
        raise PlanError("\n".join(lines), problems=found.problems)
    return found.plan(compiled, files or {})


class _Planning:
    def __init__(self, github: GitHubClient, found: Outline) -> None:
        self._github = github
        self._found = found
        self._room = asyncio.Semaphore(_REQUESTS_AT_ONCE)
        self._asked: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    async def resolved(self, actions: list[PlannedAction], *, pinned: bool) -> list[PlannedAction]:
        outcomes = await asyncio.gather(
            *(self._resolve(action) for action in actions), return_exceptions=True
        )
        resolved = []
        for action, outcome in zip(actions, outcomes, strict=True):
            if isinstance(outcome, GitHubUnavailableError) or not isinstance(
                outcome, PlannedAction | PerdureError
            ):
                raise outcome
            if isinstance(outcome, PerdureError):
                self._found.wrong(action.key, _said(outcome))
            else:
                resolved.append(outcome if pinned else outcome.model_copy(update={"sha": ""}))
        return resolved

    async def _resolve(self, action: PlannedAction) -> PlannedAction:
        repository, file = action.repository, action.workflow_file
        registered = await self._once(
            ("workflow", repository, file), lambda: self._github.get_workflow(repository, file)
        )
        if registered.state != "active":
            self._found.wrong(action.key, f"{repository}: {file} is disabled ({registered.state})")
        if action.known_after:
            return action
        ref = action.ref or await self._default_branch(repository)
        commit = await self._once(("ref", repository, ref), lambda: self._github.resolve_ref(repository, ref))
        if action.expect_sha and action.expect_sha != commit.sha:
            self._found.wrong(
                action.key, f"{ref} is at {commit.sha}, not at the expected {action.expect_sha}"
            )
        facts = await self._facts(action, commit.sha)
        if facts is not None:
            for message in _mistakes(facts, action):
                self._found.wrong(action.key, message)
        return action.model_copy(update={"ref": ref, "sha": commit.sha})

    async def _default_branch(self, repository: str) -> str:
        facts = await self._once(("repository", repository), lambda: self._github.get_repository(repository))
        return facts.default_branch

    async def _facts(self, action: PlannedAction, sha: str) -> WorkflowFileFacts | None:
        path = workflow_path(action.workflow_file)
        try:
            facts = await self._once(
                ("file", action.repository, path, sha),
                lambda: self._github.read_workflow_file(action.repository, path, sha),
            )
        except GitHubPermissionError:
            self._found.warnings.append(
                f"{action.action} cannot be read with these permissions (contents: read):"
                " its inputs are not checked"
            )
            return None
        if facts is None:
            self._found.wrong(action.key, f"{action.action} is not there at {sha[:12]}")
        elif not facts.takes_dispatch_id and facts.dispatch_inputs is not None:
            self._found.warnings.append(
                f"{action.action} takes no input {DISPATCH_ID_INPUT}: a lost answer needs a person"
            )
        return facts

    async def _once(self, key: tuple[str, ...], ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask once, however many jobs want to know: a matrix asks for one file many times."""

        async def asked() -> _T:
            async with self._room:
                return await ask()

        if key not in self._asked:
            self._asked[key] = asyncio.create_task(asked())
        task: asyncio.Task[_T] = self._asked[key]
        return await task


def _mistakes(facts: WorkflowFileFacts, action: PlannedAction) -> Iterator[str]:
    """Yield everything that does not fit: :func:`check_inputs` stops at the first."""
    taken = {name: one for name, one in (facts.dispatch_inputs or {}).items() if name != DISPATCH_ID_INPUT}
    names = [*action.inputs, *(name for name in taken if name not in action.inputs)]
    checks: list[tuple[WorkflowFileFacts, dict[str, str]]] = [
        _alone(facts, action, name, taken) for name in names
    ]
    if facts.dispatch_inputs is None:
        checks = [(facts, {})]
    try:
        check_caller_inputs(action.inputs)
    except PerdureError as error:
        yield _said(error)
        return
    for narrowed, given in checks:
        try:
            check_inputs(narrowed, given)
        except PerdureError as error:
            yield _said(error)


def _said(error: PerdureError) -> str:
    return str(error) + (f" ({' '.join(error.hint.split())})" if error.hint else "")


def _alone(
    facts: WorkflowFileFacts, action: PlannedAction, name: str, taken: Mapping[str, DispatchInput]
) -> tuple[WorkflowFileFacts, dict[str, str]]:
    if name not in taken:
        optional = {key: one.model_copy(update={"required": False}) for key, one in taken.items()}
        return facts.model_copy(update={"dispatch_inputs": optional}), {name: _LATE}
    one = taken[name]
    if name in action.late_inputs:
        # Any text passes: only the name can be checked.
        one = one.model_copy(update={"type": "string"})
    given = (
        {name: _LATE if name in action.late_inputs else action.inputs[name]} if name in action.inputs else {}
    )
    return facts.model_copy(update={"dispatch_inputs": {name: one}}), given
