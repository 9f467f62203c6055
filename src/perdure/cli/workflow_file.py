"""``perdure workflow-file``: workflow files that are safe to repeat, to rehearse and to find again."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Json

app = new_app()


@app.callback(invoke_without_command=True)
def workflow_file(context: typer.Context) -> None:
    """Examine, mend and write GitHub's workflow files."""
    help_when_alone(context)


@app.command(
    "doctor",
    cls=PerdureCommand,
    short_help="Find and mend what is unsafe to rehearse or to repeat.",
    epilog="\b\nExamples:\n  perdure workflow-file doctor .\n  perdure workflow-file doctor . --fix\n"
    "  perdure workflow-file doctor . --check --sarif doctor.sarif\n"
    "  perdure workflow-file doctor OWNER/REPO --pull-request",
)
def doctor(  # noqa: PLR0913 - one parameter for each option
    target: Annotated[
        str,
        typer.Argument(
            metavar="PATH|OWNER/REPO",
            help="A workflow file, or a folder with repositories in it; or a repository at GitHub, as its"
            " default branch is.",
        ),
    ],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Print the findings instead, and exit 1 where there are any.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write what can be mended, and print what is left for a person.")
    ] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Propose it by a pull request of OWNER/REPO.")
    ] = False,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF 2.1.0 too.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="Rules of your own, in TOML, beside those built in."),
    ] = None,
    variable: Annotated[
        str | None,
        typer.Option(
            "--variable",
            metavar="NAME",
            help="The repository variable that guards side effects; PERDURE_LIVE, unless --rules name it.",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="RULE", help="Leave out a rule, as fires-on-mirror. Repeatable."),
    ] = None,
    dispatch_step: Annotated[
        bool,
        typer.Option("--dispatch-step", help="Want a step that shows the dispatch id, beside run-name."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Find what is unsafe to rehearse or to repeat, and mend it by adding text.

    Prints a diff, unless told otherwise. It looks for steps that change something outside without the guard,
    steps that fail or do it twice when they are done again, events that start on a mirror, and dispatches
    whose runs cannot be found. Every other line stays as it is, byte for byte.
    """
    from perdure.cli import _workflow_file_doctor as doing

    asked = doing.Asked(
        target=target,
        mode=doing.mode_of(check=check, fix=fix, pull_request=pull_request),
        sarif=sarif,
        rules=doing.rules_of(rules, variable=variable, ignore=tuple(ignore or ()), with_step=dispatch_step),
        as_json=as_json,
    )
    return doing.examine(asked)


@app.command(
    "wrap",
    cls=PerdureCommand,
    short_help="Write a workflow file that makes a marketplace action dispatchable.",
    epilog="\b\nExamples:\n  perdure workflow-file wrap softprops/action-gh-release@v2 \\\n"
    "    -o .github/workflows/gh-release.yml\n"
    "  perdure workflow-file wrap acme/ship@0123456789abcdef0123456789abcdef01234567 --guard",
)
def wrap(
    action: Annotated[
        str,
        typer.Argument(
            metavar="OWNER/ACTION@COMMIT",
            help="The action, with a path where it has one. A tag or a branch is pinned to its commit.",
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file, which must not exist yet."),
    ] = None,
    permission: Annotated[
        list[str] | None,
        typer.Option(
            "--permission",
            metavar="NAME=LEVEL",
            help="Grant the job's token more: contents=write. Repeatable.",
        ),
    ] = None,
    guard: Annotated[
        bool | None,
        typer.Option(
            "--guard/--no-guard",
            help="Let the action run only where the guard's variable is set; left out, where it is known to"
            " change something outside.",
        ),
    ] = None,
    variable: Annotated[
        str | None, typer.Option("--variable", metavar="NAME", help="The guard's variable: PERDURE_LIVE.")
    ] = None,
) -> int:
    """Write a workflow file that runs one action, so that Perdure can dispatch it.

    The action's inputs become the dispatch's, its outputs the artifact `perdure-outputs`. The token may do
    nothing that the action is not known to need.
    """
    from perdure.cli import _workflow_file_wrap as doing

    asked = doing.Asked(
        action=action,
        output=output,
        permissions=doing.permissions_of(tuple(permission or ())),
        is_guarded=guard,
        variable=doing.variable_of(variable),
    )
    return doing.write(asked)
