"""``perdure job``: work that somebody outside does."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Namespace

app = new_app()


@app.callback(invoke_without_command=True)
def job(context: typer.Context) -> None:
    """Bring the results of jobs that somebody outside has done."""
    help_when_alone(context)


@app.command(
    "complete",
    cls=PerdureCommand,
    short_help="Bring the result of a job that a batch service has done.",
    epilog="\b\nExamples:\n  perdure job complete TOKEN --result embeddings.jsonl\n"
    "  PERDURE_JOB_TOKEN=... perdure job complete --result embeddings.jsonl",
)
def complete(
    token: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN",
            envvar="PERDURE_JOB_TOKEN",
            show_envvar=False,
            help="What the job was handed over with; PERDURE_JOB_TOKEN otherwise.",
        ),
    ],
    *,
    result: Annotated[
        Path,
        typer.Option("--result", metavar="FILE", help='Lines of JSON: {"id": ..., "embedding": [...]}.'),
    ],
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Bring a job's result, so that whoever waits for it goes on.

    Bringing it early, late or twice is harmless: the first result counts. OpenAI's batch files are taken as
    they are. It has to run where the worker's store is.
    """
    from perdure.cli import _job_complete

    return _job_complete.complete(token, result, address=address, namespace=namespace)
