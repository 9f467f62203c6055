"""What ``perdure pipeline plan`` and ``run --plan`` do once their options are read."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._action_run import Waiting
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_github import with_local_github
from perdure.cli._pipeline_following import follow
from perdure.cli._pipeline_run import requester_of
from perdure.cli._pipeline_sources import Sources, read_sources
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.config import load_settings
from perdure.engine.pipelines import start_plan
from perdure.engine.plans import make_plan
from perdure.errors import PipelineFileError, PipelineInputError, PlanError, UsageError
from perdure.github import open_github_client
from perdure.model import queues
from perdure.pipeline import compile_pipeline, mermaid
from perdure.pipeline.plan import Plan, PlannedAction, PlannedApproval, PlannedGroup, read_plan


def plan(name: str, inputs: Mapping[str, str], *, out: str | None, as_json: bool) -> ExitCode:
    """Plan a pipeline, print the plan and write it where asked. Needs GitHub and no engine."""
    try:
        sources = read_sources(name)
        made = asyncio.run(_make(sources, inputs))
    except (PipelineFileError, PipelineInputError, PlanError) as error:
        # Each line says what it is about: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE
    for warning in made.warnings:
        _errors.show_warning(warning)
    if out is not None:
        _write(out, made)
    typer.echo(
        made.model_dump_json() if as_json else shown("\n".join((*_lines(made), mermaid(sources.file))))
    )
    return ExitCode.SUCCESS


def run_plan(  # noqa: PLR0913 - what the options say
    name: str,
    key: str | None,
    waiting: Waiting,
    *,
    compensate: bool,
    address: str | None,
    namespace: str | None,
) -> ExitCode:
    """Run what was planned, on the plan's commits, and wait for its end unless told otherwise."""
    made = read_plan(_text(name))

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        requester = await requester_of(session.settings)
        handle = await start_plan(
            session.client,
            made,
            key=key,
            requester=requester,
            compensate=compensate,
            task_queue=queues.WORKFLOWS + session.settings.worker.queue_suffix,
        )
        what = "started" if handle.started else "attached to"
        _errors.say(f"{what} {handle.id} as {requester.login}, by the plan {made.digest[:12]}")
        return await follow(session, handle, waiting)

    return asyncio.run(main())


def _text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "make one with: perdure pipeline plan FILE --out PLAN"
        raise UsageError(f"the plan {name} cannot be read: {error}", hint=hint) from error


async def _make(sources: Sources, inputs: Mapping[str, str]) -> Plan:
    settings = with_local_github(load_settings())
    compiled = compile_pipeline(sources.file, inputs)
    async with open_github_client(settings.github) as github:
        return await make_plan(github, compiled, sources.files)


def _write(out: str, made: Plan) -> None:
    try:
        Path(out).write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    _errors.say(f"wrote {out}: `perdure pipeline run --plan {out}` runs exactly this")


def _lines(made: Plan) -> Iterator[str]:
    yield f"pipeline  {made.pipeline.name}"
    yield f"digest    {made.digest}"
    yield f"at most {_count(made.dispatches, 'dispatch', 'dispatches')}"
    yield from _part("Actions", [_action(one) for one in made.actions])
    yield from _part("Approvals", [_approval(one) for one in made.approvals])
    yield from _part("Groups, in which one runs at a time", [_group(one) for one in made.groups])
    yield from _part(
        "If all had succeeded, undone in this order", [_action(one) for one in made.compensations]
    )
    yield ""


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def _action(action: PlannedAction) -> str:
    where = action.ref or "the default branch"
    at = f"known after {action.known_after}" if action.known_after else action.sha[:12]
    given = [
        f"{name}: known after {action.late_inputs[name]}"
        if name in action.late_inputs
        else f"{name}={value!r}"
        for name, value in action.inputs.items()
    ]
    pinned = f" ({at})" if at else ""
    return f"{action.key}  {action.action} @ {where}{pinned}" + (f"  {', '.join(given)}" if given else "")


def _approval(asked: PlannedApproval) -> str:
    people = ", ".join(asked.approvers) or "anybody"
    self_approval = ", not by who starts it" if asked.prevent_self_approval else ""
    after = f"{asked.on_timeout} after {asked.timeout}"
    return f"{asked.key}  {asked.quorum} of {people}{self_approval}, {after}"


def _group(group: PlannedGroup) -> str:
    known = f" (known after {group.known_after})" if group.known_after else ""
    return f"{group.key or 'the pipeline'}  {group.group}{known}, {group.policy.value}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
