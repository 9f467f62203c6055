"""What ``perdure replay check`` does once its options are read."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from perdure.checks.divergence import CodeLine
from perdure.checks.exporting import Sampling, export
from perdure.checks.history_files import history_paths, read_manifest
from perdure.checks.replay_processes import replay_everywhere
from perdure.checks.replaying import Outcome, ReplayedHistory
from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._replay_export import known_types, nothing_found
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.errors import UsageError

_SAID = {
    Outcome.DIVERGED: ("diverged", typer.colors.RED),
    Outcome.FAILED: ("failed", typer.colors.RED),
    Outcome.UNKNOWN_TYPE: ("unknown", typer.colors.YELLOW),
    Outcome.UNREADABLE: ("unreadable", typer.colors.YELLOW),
}
_DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is replayed, and how."""

    paths: Sequence[Path]
    live: bool
    query: str
    per_type: int
    workflows: Sequence[str]
    processes: int | None


def check(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Replay, and print what does not go as it went.

    Raises:
        UsageError: There is nothing to replay, or it is not clear what.
        EngineError: Temporal is out of reach, or refuses.
    """
    if wanted.live == bool(wanted.paths):
        raise UsageError(
            "it is not clear what to replay", hint="name folders or files of histories, or else --live"
        )
    if wanted.query and not wanted.live:
        raise UsageError(
            "--query is about what is fetched", hint="give it to perdure replay export, or --live"
        )
    if wanted.live:
        return asyncio.run(_check_live(wanted, as_json, address, namespace))
    return asyncio.run(_check(wanted, wanted.paths, as_json, namespace))


async def _check_live(wanted: Wanted, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    types = known_types(None, wanted.workflows)
    session = await open_session(address, namespace)
    with TemporaryDirectory(prefix="perdure-histories-") as folder:
        sampling = Sampling(types=types, query=wanted.query, per_kind=wanted.per_type)
        found = [saved async for saved in export(session.client, sampling, Path(folder))]
        if not found:
            raise nothing_found(session.client.namespace, wanted.query)
        return await _check(wanted, [Path(folder)], as_json, session.client.namespace)


async def _check(wanted: Wanted, given: Sequence[Path], as_json: bool, namespace: str | None) -> ExitCode:
    paths = history_paths(given)
    outcomes: list[Outcome] = []
    for folder_namespace, share in _by_namespace(paths, namespace).items():
        async for replayed in replay_everywhere(
            share, references=wanted.workflows, namespace=folder_namespace, processes=wanted.processes
        ):
            outcomes.append(replayed.outcome)
            if as_json:
                typer.echo(replayed.model_dump_json())
            elif replayed.outcome is not Outcome.REPLAYS:
                _print(replayed, named_by_file=not wanted.live)
    return _concluded(outcomes)


def _by_namespace(paths: Sequence[Path], namespace: str | None) -> dict[str, list[Path]]:
    """Group files by where they come from: ids may be made from the namespace."""
    grouped: dict[str, list[Path]] = {}
    for path in paths:
        found = namespace
        if found is None:
            manifest = read_manifest(path.parent)
            found = manifest.namespace if manifest else _DEFAULT_NAMESPACE
        grouped.setdefault(found, []).append(path)
    return grouped


def _print(replayed: ReplayedHistory, *, named_by_file: bool) -> None:
    word, colour = _SAID[replayed.outcome]
    subject = f"{replayed.workflow_type} {replayed.workflow_id} (run {replayed.run_id})"
    if named_by_file or not replayed.workflow_id:
        subject = f"{replayed.file}: {subject}" if replayed.workflow_id else replayed.file
    typer.echo(f"{typer.style(word.ljust(10), fg=colour)} {shown(subject)}")
    for line in _explained(replayed):
        typer.echo(f"{'':11}{shown(line)}")


def _explained(replayed: ReplayedHistory) -> list[str]:
    if replayed.outcome is not Outcome.DIVERGED:
        lines = [replayed.message]
    else:
        does = replayed.command or "does nothing there"
        at = f"event {replayed.event_id}" if replayed.event_id else "the history's end"
        lines = [f"at {at} the history has {replayed.event or 'nothing'}, the code {_verb(does)}"]
        lines.append(f"Temporal says: {replayed.message}")
    if replayed.outcome is Outcome.UNKNOWN_TYPE:
        lines.append("give the module of its workflow with --workflows")
    for number, line in enumerate(replayed.code):
        lines.append(f"{'  called from ' if number else 'in '}{_place(line)}")
    return lines


def _verb(does: str) -> str:
    return does if does.startswith("does") else f"has {does}"


def _place(line: CodeLine) -> str:
    file = os.path.relpath(line.file) if line.file.startswith(os.getcwd() + os.sep) else line.file
    return f"{file}:{line.line} {line.function}"


def _concluded(outcomes: Sequence[Outcome]) -> ExitCode:
    good = outcomes.count(Outcome.REPLAYS)
    broken = outcomes.count(Outcome.DIVERGED) + outcomes.count(Outcome.FAILED)
    unusable = len(outcomes) - good - broken
    parts = [f"{good} of {len(outcomes)} {'history replays' if len(outcomes) == 1 else 'histories replay'}"]
    if broken:
        parts.append(f"{broken} would get stuck")
    if unusable:
        parts.append(f"{unusable} could not be replayed")
    _errors.say(", ".join(parts))
    if broken:
        return ExitCode.FAILED
    return ExitCode.USAGE if unusable else ExitCode.SUCCESS
