"""Reads a pipeline file and every file that its steps name, each with all its mistakes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from perdure.cli._pipeline_text import read_text, shown_name
from perdure.errors import PipelineFileError, UsageError
from perdure.pipeline import PipelineFile, PipelineStep
from perdure.pipeline._base import Problem
from perdure.pipeline.children import children_problems
from perdure.pipeline.reading import ReadPipeline, examine_pipeline


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A pipeline, and the pipelines that its steps run, by the path that the step names."""

    file: PipelineFile
    files: dict[str, PipelineFile]


class _Reader:
    """The files by their paths relative to the first one's folder, so that a digest is the same anywhere."""

    def __init__(self, folder: str) -> None:
        self.read: dict[str, ReadPipeline] = {}
        self.no_text: list[PipelineFileError] = []
        self._folder = folder

    def begin(self, name: str) -> None:
        """Read a file and those below it.

        Raises:
            UsageError: It cannot be read. One below it that cannot is a mistake of the file that names it.
        """
        self._read(name, ())

    def _read(self, name: str, above: tuple[str, ...]) -> None:
        path = os.path.join(self._folder, name)
        try:
            found = self.read[name] = examine_pipeline(read_text(path), shown_name(path))
        except PipelineFileError as error:
            self.no_text.append(error)
            return
        found.add(list(self._mistakes_below(name, found, (*above, name))))

    def _mistakes_below(self, name: str, found: ReadPipeline, above: tuple[str, ...]) -> Iterator[Problem]:
        """Read what a file's steps name, and yield what is wrong with naming it."""
        for step_name, below in pipelines_below(name, found.file):
            at = ("steps", step_name, "pipeline")
            if below in above:
                circle = " -> ".join((*above[above.index(below) :], below))
                yield Problem(at, f"pipeline files run each other in a circle: {circle}")
            elif below not in self.read:
                try:
                    self._read(below, above)
                except UsageError as error:
                    yield Problem(at, str(error))

    def check_together(self) -> None:
        """Find what does not fit between a file and those that its steps run."""
        for name, found in self.read.items():
            children = {
                step: self.read[below]
                for step, below in pipelines_below(name, found.file)
                if below in self.read
            }
            found.add(children_problems(found, children))

    def errors(self) -> list[PipelineFileError]:
        """Return an error for each file that is wrong."""
        wrong = [error for found in self.read.values() if (error := found.error())]
        return wrong + self.no_text


def pipelines_below(name: str, file: PipelineFile | None) -> Iterator[tuple[str, str]]:
    """Yield the steps that run a pipeline, and its path relative to the first file's folder."""
    for step_name, step in file.steps.items() if file else ():
        if isinstance(step, PipelineStep):
            below = os.path.normpath(os.path.join(os.path.dirname(name), step.pipeline))
            yield step_name, PurePath(below).as_posix()


def read_sources(name: str) -> Sources:
    """Read a pipeline file and those that its steps name, and check that they fit together.

    Args:
        name: The file; ``-`` is stdin, whose steps name files relative to the working folder.

    Raises:
        PipelineFileError: With everything that is wrong with any of the files.
        UsageError: The first one cannot be read.
    """
    folder, base = os.path.split(name)
    reader = _Reader(folder)
    reader.begin(base)
    reader.check_together()
    if errors := reader.errors():
        problems = [problem for error in errors for problem in error.problems]
        raise PipelineFileError("\n".join(str(error) for error in errors), problems=problems)
    files = {
        read: _with_paths(read, found.file) for read, found in reader.read.items() if found.file is not None
    }
    return Sources(file=files.pop(base), files=files)


def _with_paths(name: str, file: PipelineFile) -> PipelineFile:
    steps = dict(file.steps)
    for step_name, below in pipelines_below(name, file):
        steps[step_name] = steps[step_name].model_copy(update={"pipeline": below})
    return file.model_copy(update={"steps": steps})
