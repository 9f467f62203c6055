"""Rehearses pipelines where nothing real can be touched: on an emulated GitHub, with engines of their own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from perdure.engine.plans import make_plan
from perdure.engine.rehearsal_room import COPIES, Ended, Stage, open_room, served
from perdure.errors import EngineError, UsageError
from perdure.model.rehearsal import Rehearsal, RehearsedJob, RehearsedRepository, Undone
from perdure.pipeline import CompiledPipeline, PipelineFile
from perdure.pipeline.plan import Plan
from perdure.pipeline.planning import outline
from perdure.pipeline.rehearsing import differences, rehearsed
from perdure.pipeline.scenario import Answer, Outcome, Scenario

LIMIT: Final = timedelta(minutes=10)
"""How long one rehearsal may take."""


@dataclass(frozen=True, kw_only=True)
class Rehearsable:
    """What is rehearsed.

    Attributes:
        compiled: The pipeline with its inputs.
        files: Pipelines that its steps run, by the path that the step names.
        repositories: Copies that were made of what it uses.
        real: Its plan by the real GitHub, where there is one.
        limit: How long one rehearsal may take.
    """

    compiled: CompiledPipeline
    files: Mapping[str, PipelineFile] = field(default_factory=dict)
    repositories: tuple[RehearsedRepository, ...] = ()
    real: Plan | None = None
    limit: timedelta = LIMIT


def require_emulator(*, isolated: bool = True) -> None:
    """Refuse to rehearse where the steps of workflow files could reach more than their own folder.

    Args:
        isolated: Whether that matters.

    Raises:
        UsageError: This machine cannot keep them apart.
        EngineError: The emulated GitHub is not installed.
    """
    try:
        from perdure.emulator import running_emulator  # noqa: F401 - whether it can be imported
        from perdure.emulator.execution.sandbox import available_isolation
    except ImportError as error:
        msg = "the emulated GitHub is not installed"
        raise EngineError(msg, hint="pip install 'perdure[local]'") from error
    found = available_isolation()
    if isolated and not (found.network and found.files):
        what = "files and the network" if not found.network else "files"
        raise UsageError(
            f"this machine cannot keep steps away from its {what}: a rehearsal might have side effects",
            hint="rehearse on Linux with user namespaces and the commands unshare, nsenter, setpriv and"
            " mount, or allow it with --unisolated",
        )


def repositories_of(compiled: CompiledPipeline, files: Mapping[str, PipelineFile]) -> tuple[str, ...]:
    """Return every repository that a pipeline dispatches in, in its order.

    Raises:
        UsageError: The pipeline cannot be planned; says all that is wrong.
    """
    found = outline(compiled, files)
    if found.problems:
        raise UsageError("\n".join(f"{one['job']}: {one['message']}" for one in found.problems))
    return tuple(dict.fromkeys(one.repository for one in (*found.actions, *found.compensations)))


async def rehearsal_plan(folder: Path, what: Rehearsable) -> Plan:
    """Plan a pipeline by the copies of its repositories. Needs no engine.

    Args:
        folder: The copies lie in it.
        what: The pipeline.

    Raises:
        PlanError: The pipeline cannot run on the copies; says all that is wrong.
    """
    from perdure.emulator import EmulatorSettings

    scratch = folder / "planning"
    emulated = EmulatorSettings(timing="fast", state_dir=scratch)
    async with served(folder / COPIES, folder, emulated, ()) as (_, github, _):
        return await make_plan(github, what.compiled, what.files)


async def rehearse_in(stage: Stage, what: Rehearsable, scenario: Scenario, *, title: str = "") -> Rehearsal:
    """Rehearse a pipeline in a room of its own.

    Args:
        stage: Has a room left.
        what: The pipeline.
        scenario: What goes wrong.
        title: What to call that.

    Raises:
        PlanError: The pipeline cannot run on the copies; says all that is wrong.
        PerdureError: Something could not be started.
    """
    started_at = datetime.now(UTC)
    names = [one.repository for one in what.repositories]
    async with open_room(stage, names, scenario) as room:
        plan = await make_plan(room.github, what.compiled, what.files)
        fitted = rehearsed(plan, scenario)
        ended = await room.run(plan, fitted, scenario, what.limit)
    return Rehearsal(
        pipeline=what.compiled.name,
        inputs=dict(what.compiled.inputs),
        digest=plan.digest,
        scenario=title,
        succeeded=not ended.error,
        error=ended.error.removeprefix(f"pipeline {what.compiled.name} failed: "),
        started_at=started_at,
        ended_at=datetime.now(UTC),
        jobs=_jobs(ended, scenario),
        undone=_undone(ended),
        compared=what.real is not None,
        differences=tuple(differences(what.real, plan)) if what.real else (),
        left_out=(
            *_uncommitted(what.repositories),
            *fitted.left_out,
            *(f"refused: {asked}" for asked in ended.refused),
        ),
        warnings=plan.warnings,
        repositories=what.repositories,
    )


def _uncommitted(repositories: Iterable[RehearsedRepository]) -> Iterator[str]:
    for one in repositories:
        if one.uncommitted:
            files = "a file" if one.uncommitted == 1 else f"{one.uncommitted} files"
            yield f"{one.repository} without what is not committed: {files} of {one.origin}"


def _jobs(ended: Ended, scenario: Scenario) -> tuple[RehearsedJob, ...]:
    return tuple(
        RehearsedJob(
            key=job.key,
            kind=job.kind,
            conclusion=job.state.value,
            attempts=ended.script.attempts_of(job.key),
            reason=job.reason.partition("\n")[0],
            scripted=_scripted(job.key, job.kind, scenario),
        )
        for job in ended.jobs
    )


def _undone(ended: Ended) -> tuple[Undone, ...]:
    return tuple(
        Undone(
            key=one.job_key,
            action=one.action,
            conclusion=one.conclusion.value,
            reason=one.reason.partition("\n")[0],
        )
        for one in ended.undone
    )


def _scripted(key: str, kind: str, scenario: Scenario) -> str:
    if kind == "approval":
        answer = scenario.of_approval(key).answer
        return "" if answer is Answer.APPROVE else answer.value
    outcome = scenario.of_step(key).outcome
    return "" if outcome is Outcome.PASS else outcome.value
