"""``perdure check``: for people who change workflows."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Json

app = new_app()


@app.callback(invoke_without_command=True)
def check(context: typer.Context) -> None:
    """Check the code of workflows, your own or anybody's, without running it."""
    help_when_alone(context)


@app.command(
    "determinism",
    cls=PerdureCommand,
    short_help="Find what a replay would not repeat, with the way to it.",
    epilog="""\b
Examples:
  perdure check determinism src
  perdure check determinism src --sarif > determinism.sarif
  perdure check determinism --explain unordered

\b
Exit status:
  0  nothing was found
  1  something was found, or a file cannot be read as Python
  2  wrong usage or configuration
""",
)
def determinism(  # noqa: PLR0913 - one parameter for each option
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files and folders; otherwise this folder."),
    ] = None,
    *,
    as_json: Json = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0 instead of text.")] = False,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="RULE", help="Say what a rule finds, why, and what to do instead."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take this configuration, not that of the nearest perdure-check.toml or pyproject.toml.",
        ),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take the last result where no file has changed.")
    ] = True,
) -> int:
    """Find what a replay of a workflow would not repeat: clocks, chance, files, threads, the order of sets.

    Starts at every handler of every @workflow.defn in the files, and follows calls through the project and
    its installed packages. Nothing is imported and nothing runs. Let one line through by saying why at its
    end, in a comment that begins with "deterministic:".
    """
    from perdure.cli import _check_determinism

    if explain is not None:
        return _check_determinism.explain(explain)
    form = _check_determinism.Form.of(as_json=as_json, as_sarif=as_sarif)
    return _check_determinism.check(tuple(paths or (Path(),)), form, config=config, cache=cache)
