"""The files through which a step speaks to the runner: outputs, environment, path, state and summary.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files

A step can put anything in their place, a link to somebody's key among others, so they are opened through a
folder that was opened before the step, never through a link, and read up to a limit.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from perdure.emulator.execution.errors import ExpressionError

NAMES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
}
MAX_BYTES = 16 * 1024 * 1024
MAX_SUMMARY = 1024 * 1024


class CommandFileError(ExpressionError):
    """A step wrote something that the runner cannot read."""


class CommandFiles:
    """The files of one step."""

    def __init__(self, folder: Path, step: str) -> None:
        """Make the files, empty."""
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._names = {variable: f"{name}_{step}" for variable, name in NAMES.items()}
        self.environment = {variable: str(folder / name) for variable, name in self._names.items()}
        for name in self._names.values():
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=self._folder))

    def close(self) -> None:
        """Let go of the folder; the files go with the job."""
        os.close(self._folder)

    def text(self, variable: str, *, limit: int = MAX_BYTES) -> str:
        """Read a file; one that is gone or no file counts as empty.

        Raises:
            CommandFileError: It is larger than the limit.
        """
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self._names[variable], flags, dir_fd=self._folder)
        except OSError:
            return ""
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            content = file.read(limit + 1)
        if len(content) > limit:
            raise CommandFileError(f"{variable} is larger than {limit // 1024} kB")
        return content.decode("utf-8-sig", "replace")

    def pairs(self, variable: str) -> dict[str, str]:
        """Read a file of ``name=value`` lines and of values between delimiters.

        Raises:
            CommandFileError: A line is neither.
        """
        return read_pairs(self.text(variable))

    def lines(self, variable: str) -> list[str]:
        """Read a file line by line, without empty ones."""
        return [line for line in self.text(variable).splitlines() if line]


def read_pairs(text: str) -> dict[str, str]:
    """Read ``name=value`` and ``name<<DELIMITER`` forms.

    Raises:
        CommandFileError: A line is neither, or a delimiter is missing.
    """
    pairs: dict[str, str] = {}
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            if not delimiter:
                raise CommandFileError(f"Invalid format '{line}'. Delimiter must not be empty")
            value = _until(lines, delimiter)
        else:
            raise CommandFileError(f"Invalid format '{line}'")
        if not name:
            raise CommandFileError(f"Invalid format '{line}'. Name must not be empty")
        pairs[name] = value
    return pairs


def _until(lines: Iterator[str], delimiter: str) -> str:
    collected: list[str] = []
    for line in lines:
        if line == delimiter:
            return "\n".join(collected)
        collected.append(line)
    raise CommandFileError(f"Invalid value. Matching delimiter not found '{delimiter}'")
