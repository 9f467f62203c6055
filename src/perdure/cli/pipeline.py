"""``perdure pipeline``: pipeline files."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Json, Namespace, Timeout

app = new_app()

File = Annotated[str, typer.Argument(metavar="FILE", help="The pipeline file; - is stdin.")]


@app.callback(invoke_without_command=True)
def pipeline(context: typer.Context) -> None:
    """Write, check, draw and run pipeline files."""
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


@app.command(
    "run",
    cls=PerdureCommand,
    short_help="Run a pipeline durably.",
    epilog="\b\nExamples:\n  perdure pipeline run release.yaml -f version=v1.2.3\n"
    "  perdure pipeline run release.yaml -f version=v1.2.3 --id v1.2.3 --detach",
)
def run_pipeline(  # noqa: PLR0913 - one parameter for each option
    file: File,
    *,
    raw_field: Annotated[
        list[str] | None,
        typer.Option("--raw-field", "-f", metavar="KEY=VALUE", help="An input of the pipeline."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", "-F", metavar="KEY=@FILE", help="An input read from a file; KEY=@- reads stdin."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="KEY",
            help="A name of your own for this run of the pipeline. The same KEY again attaches to what is"
            " there and never starts it twice.",
        ),
    ] = None,
    compensate: Annotated[
        bool,
        typer.Option(
            "--compensate/--no-compensate",
            help="Whether a failure or a cancellation undoes what had succeeded.",
        ),
    ] = True,
    detach: Annotated[
        bool,
        typer.Option("--detach", "-d", help="Print the pipeline's id as soon as it is started, and leave."),
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Run a pipeline to its end, and print how each of its jobs ended.

    Everything that is wrong with the file, the files that its steps run and the inputs is said first:
    nothing is started then. Workers carry it out, not this command: Ctrl-C leaves it running, and so does a
    reboot. Needs a running engine and a worker: `perdure up` starts both.
    """
    from perdure.cli import _action_run, _pipeline_run
    from perdure.cli._fields import read_fields

    inputs = read_fields(raw_field or (), field or ())
    options = _pipeline_run.Options(inputs=inputs, key=key, compensate=compensate)
    waiting = _action_run.Waiting(detach=detach, timeout=timeout, as_json=as_json)
    return _pipeline_run.run(file, options, waiting, address=address, namespace=namespace)
