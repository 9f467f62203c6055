"""What ``perdure pipeline`` does with files."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from perdure.cli._errors import say
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_sources import Sources, read_sources
from perdure.cli._pipeline_text import read_text, shown_name
from perdure.cli._shown import shown
from perdure.errors import PipelineFileError, UsageError
from perdure.pipeline import PipelineFile, first_file, mermaid, pipeline_schema, read_pipeline


def check(files: Sequence[str], *, as_json: bool) -> ExitCode:
    """Check each file and those that its steps run, and show what is wrong with all of them."""
    problems: list[dict[str, str | int]] = []
    for name in files:
        try:
            found = read_sources(name)
        except PipelineFileError as error:
            # A file that is checked may be one that another runs.
            new = [problem for problem in error.problems if problem not in problems]
            problems += new
            if not as_json:
                for problem in new:
                    say("{file}:{line}:{column}: {message}".format_map(problem))
        else:
            if not as_json:
                typer.echo(shown(f"{name}: {_summary(found)}, no mistakes"))
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems}, ensure_ascii=False))
    return ExitCode.USAGE if problems else ExitCode.SUCCESS


def _summary(found: Sources) -> str:
    count, below = len(found.file.steps), len(found.files)
    steps = f"{count} step{'s' if count > 1 else ''}"
    pipelines = f", {below} pipeline{'s' if below > 1 else ''} below" if below else ""
    return f"{found.file.name}, {steps}{pipelines}"


def read_file(name: str) -> PipelineFile:
    """Read and check a pipeline file; ``-`` is stdin.

    Raises:
        PipelineFileError: With everything that is wrong.
        UsageError: It cannot be read.
    """
    return read_pipeline(read_text(name), shown_name(name))


def print_schema() -> None:
    """Print the JSON Schema."""
    typer.echo(json.dumps(pipeline_schema(), indent=2, ensure_ascii=False))


def init(repositories: Sequence[str], *, output: str) -> None:
    """Write a first file."""
    text = first_file(repositories, "pipeline.yaml" if output == "-" else output)
    if output == "-":
        typer.echo(text, nl=False)
        return
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        msg = f"{output} is there already"
        raise UsageError(msg, hint="name another file with --output, or print it with --output -") from None
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror}"
        raise UsageError(msg) from error
    say(
        f"wrote {output}: name the workflow files and approvers in it, then `perdure pipeline check {output}`"
    )


def print_graph(name: str) -> None:
    """Print a file's graph."""
    typer.echo(mermaid(read_file(name)), nl=False)
