"""Reads a pipeline file: all that is wrong with it at once, each mistake with its place."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import ValidationError

from perdure.errors import PipelineFileError
from perdure.pipeline._base import Problem, Problems
from perdure.pipeline.checking import check_file
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.source import Source
from perdure.pipeline.wording import problems_of
from perdure.pipeline.yaml_text import Path, PlacedMapping, read_yaml

_ROUNDS: Final = 20


class ReadPipeline:
    """A pipeline file as far as it could be read, with what is wrong with it.

    Attributes:
        file: Without its broken parts; ``None`` where nothing of it makes sense.
    """

    def __init__(self, source: Source, file: PipelineFile | None, problems: list[Problem]) -> None:
        self.file = file
        self._source = source
        self._problems = problems

    def add(self, problems: Iterable[Problem]) -> None:
        """Take note of more that is wrong, except for what is a consequence of something that was said."""
        self._problems = self._problems + self._not_about(list(problems))

    def error(self) -> PipelineFileError | None:
        """Return one error of all that is wrong, if anything is."""
        if self._problems or self._source.is_no_yaml:
            return self._source.error(self._problems)
        return None

    def is_broken(self, path: Path) -> bool:
        """Say whether what a path leads to cannot be relied on."""
        return self._source.is_no_yaml or _touches(path, self._broken())

    def _broken(self) -> set[Path]:
        return {self._source.known_path(problem.path) for problem in self._problems}

    def _not_about(self, later: list[Problem]) -> list[Problem]:
        broken = self._broken()

        def is_consequence(problem: Problem) -> bool:
            return _touches(problem.path, broken) or (
                problem.about is not None and _touches(problem.about, broken)
            )

        return [problem for problem in later if not is_consequence(problem)]


def read_pipeline(text: str, name: str = "pipeline.yaml") -> PipelineFile:
    """Read and check a pipeline file.

    Args:
        text: What it holds.
        name: What it is called in messages.

    Raises:
        PipelineFileError: With everything that is wrong.
    """
    read = examine_pipeline(text, name)
    if error := read.error():
        raise error
    return read.file  # type: ignore[return-value]  # without a problem there is a file


def examine_pipeline(text: str, name: str = "pipeline.yaml") -> ReadPipeline:
    """Read and check a pipeline file, and keep what is right of one that is wrong."""
    document = read_yaml(text.removeprefix("\ufeff"))
    source = Source(name, text.removeprefix("\ufeff"), document)
    if not isinstance(document.value, PlacedMapping):
        what = "is empty" if document.value is None else "must hold keys and values"
        problems = [Problem((), f"the file {what}: begin with name: and steps:")]
        return ReadPipeline(source, None, [] if document.mistakes else problems)
    collected = Problems()
    try:
        file: PipelineFile | None = PipelineFile.model_validate(document.value, context=collected)
        read = ReadPipeline(source, file, collected.found)
    except ValidationError as error:
        wrong = problems_of(error.errors(include_url=False), source.known_path)
        file = _without_broken_parts(document.value)
        read = ReadPipeline(source, file, collected.found + wrong)
    if file is not None:
        read.add(check_file(file))
    return read


def _touches(path: Path, broken: set[Path]) -> bool:
    inside = any(path[:length] in broken for length in range(1, len(path) + 1))
    return inside or any(one[: len(path)] == path for one in broken)


def _without_broken_parts(value: Mapping[str, object]) -> PipelineFile | None:
    """Leave out what does not fit, so that the rest can be checked too."""
    data = _copy(value)
    for _ in range(_ROUNDS):
        try:
            return PipelineFile.model_validate(data)
        except ValidationError as error:
            # All are found before any is taken out: several errors may be about one value.
            broken = [_holder(data, _shortened(one["loc"])) for one in error.errors()]
            for holder, key in broken:
                holder.pop(key, None)
            if "steps" not in data:
                return None
            data.setdefault("name", "unnamed")
    return None


def _copy(value: object) -> dict[str, object]:
    def inner(one: object) -> object:
        if isinstance(one, Mapping):
            return {key: inner(found) for key, found in one.items()}
        return [inner(found) for found in one] if isinstance(one, list) else one

    return {key: inner(found) for key, found in value.items()} if isinstance(value, Mapping) else {}


def _shortened(location: Iterable[str | int]) -> Path:
    path = tuple(location)
    return path[:2] + path[3:] if path[:1] == ("steps",) and len(path) > 2 else path


def _holder(data: dict[str, object], path: Path) -> tuple[dict[str, object], str]:
    """Return the innermost mapping on the way to a path, and its key: lists go whole, so that places stay."""
    container: object = data
    found = (data, str(path[0]))
    for part in path:
        if isinstance(container, dict) and part in container:
            found = (container, str(part))
            container = container[part]
        elif isinstance(container, list) and isinstance(part, int) and part < len(container):
            container = container[part]
    return found
