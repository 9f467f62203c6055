"""Reads a pipeline file and every file that its steps name, each with all its mistakes."""

import os
from dataclasses import dataclass
from pathlib import PurePath

from perdure.cli import _errors
from perdure.cli._pipeline_files import read_file
from perdure.errors import PipelineFileError, UsageError
from perdure.pipeline import PipelineFile, PipelineStep


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A pipeline, and the pipelines that its steps run, by the path that the step names."""

    file: PipelineFile
    files: dict[str, PipelineFile]


class _Reader:
    """The files by their paths relative to the first one's folder, so that a digest is the same anywhere."""

    def __init__(self, folder: str) -> None:
        self.files: dict[str, PipelineFile] = {}
        self.errors: list[PipelineFileError] = []
        self._folder = folder

    def read(self, name: str, above: tuple[str, ...]) -> PipelineFile | None:
        """Read a file and those below it; ``None`` where it holds mistakes."""
        if name in above:
            circle = " -> ".join((*above[above.index(name) :], name))
            msg = f"pipeline files run each other in a circle: {circle}"
            raise UsageError(msg, hint="leave one of these steps out")
        try:
            file = read_file(os.path.join(self._folder, name))
        except PipelineFileError as error:
            self.errors.append(error)
            return None
        steps = dict(file.steps)
        for step_name, step in file.steps.items():
            if isinstance(step, PipelineStep):
                below = os.path.normpath(os.path.join(os.path.dirname(name), step.pipeline))
                steps[step_name] = step.model_copy(update={"pipeline": PurePath(below).as_posix()})
                self._add(below, (*above, name))
        return file.model_copy(update={"steps": steps})

    def _add(self, name: str, above: tuple[str, ...]) -> None:
        key = PurePath(name).as_posix()
        if key in self.files and name not in above:
            return
        found = self.read(name, above)
        if found is not None:
            self.files[key] = found


def read_sources(name: str) -> Sources:
    """Read a pipeline file and those that its steps name.

    Args:
        name: The file; ``-`` is stdin, whose steps name files relative to the working folder.

    Raises:
        PipelineFileError: With everything that is wrong with any of the files.
        UsageError: One cannot be read, or they run each other in a circle.
    """
    folder, base = os.path.split(name)
    reader = _Reader(folder)
    file = reader.read(base, ())
    if reader.errors or file is None:
        problems = [problem for error in reader.errors for problem in error.problems]
        raise PipelineFileError("\n".join(str(error) for error in reader.errors), problems=problems)
    for key, value in (("schedule", file.schedule), ("notify", file.notify)):
        if value:
            _errors.show_warning(f"{name}: {key} is checked, but nothing acts on it in this version")
    return Sources(file=file, files=reader.files)
