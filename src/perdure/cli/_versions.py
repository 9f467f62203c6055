"""What ``perdure versions`` does once its options are read."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from perdure.checks.named_workflows import name_of, workflows_named
from perdure.checks.patches import find_patches
from perdure.checks.versions import Advice, PatchStatus, patch_statuses
from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._run_list import aligned
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.engine.deployments import BuildSummary, list_builds
from perdure.workflows.registry import WORKFLOWS


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whose code is looked through, beside Perdure's."""

    workflows: Sequence[str]
    paths: Sequence[Path]
    replay: bool


def show(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print patches and builds.

    Raises:
        UsageError: Code that was named cannot be read.
        EngineError: Temporal is out of reach, or refuses.
    """
    own = workflows_named(wanted.workflows)
    workflow_types = (*WORKFLOWS, *own)
    calls = find_patches(workflow_types, wanted.paths)
    beside = {name for call in calls for name in call.workflow_types}
    names = {name for one in workflow_types if (name := name_of(one))} | beside

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        statuses = patch_statuses(session.client, calls, names, replaying=own if wanted.replay else None)
        patches = [status async for status in statuses]
        builds = [build async for build in list_builds(session.client)]
        if as_json:
            for patch in patches:
                typer.echo(patch.model_dump_json())
            for build in builds:
                typer.echo(build.model_dump_json())
        else:
            _print(patches, builds)
        lost = any(patch.advice is Advice.LOST for patch in patches)
        deserted = any(build.is_deserted for build in builds)
        return ExitCode.FAILED if lost or deserted else ExitCode.SUCCESS

    return asyncio.run(main())


def _print(patches: Sequence[PatchStatus], builds: Sequence[BuildSummary]) -> None:
    if patches:
        for patch in patches:
            typer.echo(shown("\n".join(_patch_lines(patch))))
    else:
        _errors.say("no patches: there is no workflow.patched in the code, and no mark of one in what runs")
    if patches and builds:
        typer.echo()
    if builds:
        head = ("DEPLOYMENT", "BUILD", "STATE", "RUNNING", "WORKERS")
        typer.echo(shown("\n".join(aligned((head, *map(_build_row, builds))))))
    else:
        _errors.say(
            "no deployments: no worker says which build it is (perdure worker --deployment --build-id)"
        )


def _patch_lines(patch: PatchStatus) -> list[str]:
    counts = f"{patch.running_with} running with its mark, {patch.running_without} without"
    if patch.took_old is not None:
        counts += f", of which {patch.took_old} took the old code"
    lines = [f"{patch.id or '(made at run time)'}: {patch.advice}: {patch.why}"]
    if patch.advice is not Advice.UNKNOWN:
        lines.append(f"  {counts}")
    for call in patch.calls:
        types = ", ".join(call.workflow_types) or "no workflow reaches it"
        lines.append(f"  {_short(call.file)}:{call.line} {call.call} ({types})")
    return lines


def _build_row(build: BuildSummary) -> tuple[str, ...]:
    workers = ", ".join(build.workers)
    if build.is_deserted:
        workers = "nobody: these workflows wait"
    return build.deployment, build.build_id, build.state, str(build.running), workers


def _short(file: str) -> str:
    return os.path.relpath(file) if file.startswith(os.getcwd() + os.sep) else file
