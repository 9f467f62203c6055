"""What ``perdure pipeline`` does with files."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from perdure.cli._errors import say
from perdure.cli._exit_codes import ExitCode
from perdure.cli._shown import shown
from perdure.errors import PipelineFileError, UsageError
from perdure.pipeline import PipelineFile, first_file, mermaid, pipeline_schema, read_pipeline
from perdure.pipeline.yaml_text import MAX_BYTES


def check(files: Sequence[str], *, as_json: bool) -> ExitCode:
    """Check each file, and show what is wrong with all of them."""
    problems: list[dict[str, str | int]] = []
    for name in files:
        try:
            found = read_file(name)
        except PipelineFileError as error:
            problems += error.problems
            if not as_json:
                say(str(error))
        else:
            if not as_json:
                count = len(found.steps)
                typer.echo(
                    shown(f"{name}: {found.name}, {count} step{'s' if count > 1 else ''}, no mistakes")
                )
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems}, ensure_ascii=False))
    return ExitCode.USAGE if problems else ExitCode.SUCCESS


def read_file(name: str) -> PipelineFile:
    """Read and check a pipeline file; ``-`` is stdin.

    Raises:
        PipelineFileError: With everything that is wrong.
        UsageError: It cannot be read.
    """
    shown_name = "<stdin>" if name == "-" else name
    return read_pipeline(_text(name, shown_name), shown_name)


def _text(name: str, shown_name: str) -> str:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start > MAX_BYTES - 4:
            return "#" * (MAX_BYTES + 1)  # too large, and cut within a character
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = "the file is not UTF-8 text"
        problem: dict[str, str | int] = {
            "file": shown_name,
            "line": line,
            "column": column,
            "message": message,
        }
        text = f"{shown_name}:{line}:{column}: {message}"
        raise PipelineFileError(text, problems=[problem]) from None
    except OSError as error:
        msg = f"{shown_name} cannot be read: {error.strerror}"
        hint = "`perdure pipeline init OWNER/REPO...` writes a first pipeline file"
        raise UsageError(msg, hint=hint if isinstance(error, FileNotFoundError) else None) from error


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
