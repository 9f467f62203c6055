"""``perdure replay``: whether workflows that run now go on under changed code."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, JsonLines, Namespace

app = new_app()

Query = Annotated[
    str | None,
    typer.Option(
        "--query", metavar="FILTER", help="Only workflows that meet this list filter of Temporal's besides."
    ),
]
PerKind = Annotated[
    int,
    typer.Option(
        "--per-type",
        min=1,
        metavar="N",
        help="How many of each workflow type, for every version, set of patches and status there is.",
    ),
]
Workflows = Annotated[
    list[str] | None,
    typer.Option(
        "--workflows",
        metavar="MODULE[:CLASS]",
        help="Workflows of your own: a module that Python finds from here, or a class in it; repeatable.",
    ),
]


@app.callback(invoke_without_command=True)
def replay(context: typer.Context) -> None:
    """Fetch histories of workflows, and replay them with the present code."""
    help_when_alone(context)


@app.command(
    "export",
    cls=PerdureCommand,
    short_help="Write histories of every kind into a folder.",
    epilog="\b\nExamples:\n  perdure replay export --out histories\n"
    "  perdure replay export --out histories --query \"StartTime > '2030-01-31T00:00:00Z'\" --per-type 20",
)
def export(  # noqa: PLR0913 - one parameter for each option
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="DIR", help="A new folder, or an earlier export, which is replaced."
        ),
    ],
    query: Query = None,
    per_type: PerKind = 5,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="NAME",
            help="Only this workflow type; otherwise Perdure's own and those of --workflows; repeatable.",
        ),
    ] = None,
    workflows: Workflows = None,
    decrypted: Annotated[
        bool,
        typer.Option(
            "--decrypted",
            help="Write what payloads hold instead of what is encrypted: no key is needed to replay such"
            " files, and everybody can read them.",
        ),
    ] = False,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Write histories of every kind into a folder: some of each workflow type, version and status.

    A version is the worker deployment's and the patches that a workflow went through. The folder gets a
    manifest that says what is in it; perdure replay check reads both.
    """
    from perdure.cli import _replay_export

    wanted = _replay_export.Wanted(
        out=out, query=query or "", per_type=per_type, types=types, workflows=workflows, readable=decrypted
    )
    return _replay_export.export(wanted, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "check",
    cls=PerdureCommand,
    short_help="Replay histories, and say where the code goes another way.",
    epilog="\b\nExamples:\n  perdure replay check histories\n"
    "  perdure replay check --live --query \"ExecutionStatus = 'Running'\"\n"
    "  perdure replay check histories --workflows releases.workflows:Release",
)
def check(  # noqa: PLR0913 - one parameter for each option
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Folders of histories, or files of single ones."),
    ] = None,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Fetch histories from the namespace instead of reading files.")
    ] = False,
    query: Query = None,
    per_type: PerKind = 5,
    workflows: Workflows = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            metavar="N",
            help="Replay in so many processes; otherwise as many as pay off.",
        ),
    ] = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Replay histories, and say where the code goes another way: the event, and the line of code.

    Exits with 0 where all of them replay, with 1 where one does not, and with 2 where there is nothing to
    replay, a file is no history or nobody knows its workflow type.
    """
    from perdure.cli import _replay_check

    wanted = _replay_check.Wanted(
        paths=tuple(paths or ()),
        live=live,
        query=query or "",
        per_type=per_type,
        workflows=tuple(workflows or ()),
        processes=processes,
    )
    return _replay_check.check(wanted, as_json=as_json, address=address, namespace=namespace)
