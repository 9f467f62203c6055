"""What ``perdure replay export`` does once its options are read."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from perdure.checks.exporting import Sampling
from perdure.checks.exporting import export as export_histories
from perdure.checks.named_workflows import name_of, workflows_named
from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._run_list import aligned
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.errors import UsageError
from perdure.workflows.registry import WORKFLOWS


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which histories are written, and where."""

    out: Path
    query: str
    per_type: int
    types: Sequence[str] | None
    workflows: Sequence[str] | None
    readable: bool


def export(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Write them, and print how many there are of each kind.

    Raises:
        UsageError: The folder is in use, the query is not understood, or nothing was found.
        EngineError: Temporal is out of reach, or refuses.
    """
    types = known_types(wanted.types, wanted.workflows)

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        kinds: Counter[tuple[str, ...]] = Counter()
        sampling = Sampling(types=types, query=wanted.query, per_kind=wanted.per_type)
        async for saved in export_histories(session.client, sampling, wanted.out, readable=wanted.readable):
            kinds[saved.workflow_type, saved.version, " ".join(saved.patches), saved.status] += 1
            if as_json:
                typer.echo(saved.model_dump_json())
        if not kinds:
            raise nothing_found(session.client.namespace, wanted.query)
        if not as_json:
            _print_table(kinds)
        _errors.say(f"{_counted(kinds.total())} in {wanted.out}: perdure replay check {wanted.out}")
        return ExitCode.SUCCESS

    return asyncio.run(main())


def known_types(types: Sequence[str] | None, references: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the workflow types that are meant.

    Raises:
        UsageError: A reference leads to no workflow, or a name cannot be one.
    """
    for name in types or ():
        if "'" in name:
            raise UsageError(f"{name} is no workflow type", hint="name it as Temporal's web UI does")
    if types:
        return tuple(dict.fromkeys(types))
    registered = (*WORKFLOWS, *workflows_named(references or ()))
    return tuple(sorted(filter(None, map(name_of, registered))))


def nothing_found(namespace: str, query: str) -> UsageError:
    """Return the error for a namespace without any of what is looked for."""
    asked = f" that meets {query!r}" if query else ""
    return UsageError(
        f"namespace {namespace!r} holds no workflow of these types{asked}",
        hint="name the types of your own with --workflows or --type, or another namespace with --namespace",
    )


def _print_table(kinds: Counter[tuple[str, ...]]) -> None:
    head = ("WORKFLOW TYPE", "VERSION", "PATCHES", "STATUS", "HISTORIES")
    rows = [(*kind, str(count)) for kind, count in sorted(kinds.items())]
    typer.echo(shown("\n".join(aligned((head, *rows)))))


def _counted(count: int) -> str:
    return f"{count} {'history' if count == 1 else 'histories'}"
