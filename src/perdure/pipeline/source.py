"""Where in a text a mistake is."""

from perdure.errors import PipelineFileError
from perdure.pipeline._base import Problem
from perdure.pipeline.yaml_text import Path, Place, Scalar, YamlDocument

_ESCAPES = {"x": 2, "u": 4, "U": 8}


class Source:
    """A pipeline file's text, its name, and the place of everything in it."""

    def __init__(self, name: str, text: str, document: YamlDocument) -> None:
        self._name = name
        self._text = text
        self._document = document

    @property
    def is_no_yaml(self) -> bool:
        """Whether the YAML itself is wrong somewhere: nobody knows what was meant."""
        return bool(self._document.mistakes)

    def error(self, problems: list[Problem]) -> PipelineFileError:
        """Make one error of all that is wrong, in the order of the file."""
        placed = list(self._document.mistakes)
        taken = {place for place, _ in placed}
        # What stands where the YAML itself is wrong has been said.
        placed += [
            (place, problem.message) for problem in problems if (place := self._place(problem)) not in taken
        ]
        unique = sorted(dict.fromkeys(placed))
        details: list[dict[str, str | int]] = [
            {"file": self._name, "line": place.line, "column": place.column, "message": message}
            for place, message in unique
        ]
        lines = (f"{self._name}:{place.line}:{place.column}: {message}" for place, message in unique)
        return PipelineFileError("\n".join(lines), problems=details)

    def _place(self, problem: Problem) -> Place:
        path = self.known_path(problem.path)
        if problem.at_key and path in self._document.keys:
            return self._document.keys[path]
        scalar = self._document.scalars.get(path)
        if problem.offset is not None and scalar is not None:
            return self._inside(scalar, problem.offset)
        return self._document.places.get(path, Place(1, 1))

    def known_path(self, path: Path) -> Path:
        """Return the part of a path that the file has: a list's only value may stand without the list."""
        known: Path = ()
        for part in path:
            if (*known, part) in self._document.places:
                known = (*known, part)
        return known

    def _inside(self, scalar: Scalar, offset: int) -> Place:
        raw = self._text[scalar.start : scalar.end]
        if scalar.style in {"|", ">"}:
            return self._in_block(scalar, raw, offset)
        if "\n" in raw:
            return scalar.place
        match scalar.style:
            case "'":
                return Place(scalar.place.line, scalar.place.column + _single_quoted(raw, offset))
            case '"':
                return Place(scalar.place.line, scalar.place.column + _double_quoted(raw, offset))
        return Place(scalar.place.line, scalar.place.column + offset)

    def _in_block(self, scalar: Scalar, raw: str, offset: int) -> Place:
        # Lines of a folded block stand for spaces, those of a literal one for themselves: as many characters.
        lines = raw.split("\n")[1:]
        indent = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
        for number, line in enumerate(lines, start=1):
            length = len(line) - min(indent, len(line)) + 1
            if offset < length:
                return Place(scalar.place.line + number, indent + offset + 1)
            offset -= length
        return scalar.place


def _single_quoted(raw: str, offset: int) -> int:
    position = 1
    for _ in range(offset):
        position += 2 if raw[position : position + 2] == "''" else 1
    return min(position, len(raw))


def _double_quoted(raw: str, offset: int) -> int:
    position = 1
    for _ in range(offset):
        if raw[position : position + 1] == "\\":
            position += 2 + _ESCAPES.get(raw[position + 1 : position + 2], 0)
        else:
            position += 1
    return min(position, len(raw))
