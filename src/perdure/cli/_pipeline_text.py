"""Reads the text of a pipeline file."""

import sys
from pathlib import Path

from perdure.errors import PipelineFileError, UsageError
from perdure.pipeline.yaml_text import MAX_BYTES


def shown_name(name: str) -> str:
    """Return what a file is called in messages."""
    return "<stdin>" if name == "-" else name


def read_text(name: str) -> str:
    """Return a file's text, as far as the most that is read of one; ``-`` is stdin.

    Raises:
        PipelineFileError: It is no text.
        UsageError: It cannot be read.
    """
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
            "file": shown_name(name),
            "line": line,
            "column": column,
            "message": message,
        }
        text = f"{shown_name(name)}:{line}:{column}: {message}"
        raise PipelineFileError(text, problems=[problem]) from None
    except OSError as error:
        msg = f"{shown_name(name)} cannot be read: {error.strerror}"
        hint = "`perdure pipeline init OWNER/REPO...` writes a first pipeline file"
        raise UsageError(msg, hint=hint if isinstance(error, FileNotFoundError) else None) from error
