"""``perdure pipeline``: pipeline files."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Json

app = new_app()

File = Annotated[str, typer.Argument(metavar="FILE", help="The pipeline file; - is stdin.")]


@app.callback(invoke_without_command=True)
def pipeline(context: typer.Context) -> None:
    """Write, check and draw pipeline files."""
    help_when_alone(context)


@app.command(
    "check",
    cls=PerdureCommand,
    short_help="Find everything that is wrong with pipeline files.",
    epilog="\b\nExamples:\n  perdure pipeline check release.yaml\n"
    "  perdure pipeline check pipelines/*.yaml --json",
)
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The pipeline files; - is stdin.")],
    *,
    as_json: Json = False,
) -> int:
    """Find everything that is wrong with pipeline files, each mistake as file:line:column: message.

    Exits with 0 where all are right and with 2 otherwise. Needs neither an engine nor GitHub.
    """
    from perdure.cli import _pipeline_files

    return _pipeline_files.check(files, as_json=as_json)


@app.command(
    "schema",
    cls=PerdureCommand,
    short_help="Print the JSON Schema of pipeline files.",
    epilog="\b\nExample:\n  perdure pipeline schema > pipeline.schema.json\n\n\b\n"
    "Then begin a pipeline file with:\n  # yaml-language-server: $schema=pipeline.schema.json",
)
def schema() -> None:
    """Print the JSON Schema of pipeline files, with which editors complete and explain them."""
    from perdure.cli import _pipeline_files

    _pipeline_files.print_schema()


@app.command(
    "init",
    cls=PerdureCommand,
    short_help="Write a first pipeline file for named repositories.",
    epilog="\b\nExample:\n  perdure pipeline init acme/library acme/service acme/deploy",
)
def init(
    repositories: Annotated[
        list[str],
        typer.Argument(metavar="OWNER/REPO...", help="The repositories, in the order of their release."),
    ],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is stdout.")
    ] = "pipeline.yaml",
) -> None:
    """Write a first pipeline file that releases repositories in order, the last after an approval.

    A file that is there is never overwritten.
    """
    from perdure.cli import _pipeline_files

    _pipeline_files.init(repositories, output=output)


@app.command(
    "graph",
    cls=PerdureCommand,
    short_help="Print a pipeline's graph as Mermaid.",
    epilog="\b\nExample:\n  perdure pipeline graph release.yaml > release.mmd",
)
def graph(file: File) -> None:
    """Print a pipeline's graph as a Mermaid flowchart, which GitHub shows in Markdown."""
    from perdure.cli import _pipeline_files

    _pipeline_files.print_graph(file)
