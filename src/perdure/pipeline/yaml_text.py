"""Reads YAML 1.2 with the place of every value.

In YAML 1.1, which most readers speak, ``on`` and ``no`` are booleans, a few hundred bytes of aliases grow to
gigabytes, and the second of two equal keys silently wins. Here scalars follow YAML 1.2's core schema;
aliases, tags and equal keys are mistakes with a place; size and depth are limited. A decimal such as
``3.10``, which every reader takes for 3.1, is one too: it was more likely meant as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 50

Path = tuple[str | int, ...]
"""Leads from the top of a file to a value: keys, and positions in lists."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,100}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_ENDS_IN_ZERO = re.compile(r"[-+]?[0-9]*\.(?:[0-9]*0)?")
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_NUMBERS = frozenset({".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan", ".NaN", ".NAN"})


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands; lines and columns count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """Where a single value stands in the text, and whether it is quoted or a block."""

    place: Place
    start: int
    end: int
    style: str | None


class PlacedMapping(dict[str, object]):
    """A mapping of a file, which knows the path that leads to it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


@dataclass(slots=True)
class YamlDocument:
    """A document's value, and the place of everything in it.

    Attributes:
        value: Mappings are :class:`PlacedMapping`.
        places: Of each value.
        keys: The place of each value's key, where it has one.
        scalars: More about values that are neither mappings nor lists.
        mistakes: What is wrong with the YAML itself.
    """

    value: object = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    scalars: dict[Path, Scalar] = field(default_factory=dict)
    mistakes: list[tuple[Place, str]] = field(default_factory=list)


class _Mark(Protocol):
    index: int
    line: int
    column: int


class _Event(Protocol):
    anchor: str | None
    start_mark: _Mark
    end_mark: _Mark
    value: str
    implicit: tuple[bool, bool]
    style: str | None
    tag: object


def read_yaml(text: str) -> YamlDocument:
    """Read one document. Never raises: what is wrong stands in ``mistakes``."""
    document = YamlDocument()
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        document.mistakes.append(
            (Place(1, 1), f"the file is larger than {MAX_BYTES // 1024} kB, the most that is read")
        )
        return document
    try:
        _Builder(YAML(typ="safe", pure=True).parse(text), document).read()
    except _TooDeep as error:
        document.mistakes.append((error.place, f"nested deeper than {MAX_DEPTH} levels"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        document.mistakes.append((place, f"not YAML: {error.problem or error.context}"))
    except ReaderError as error:
        place = _place_of_index(text, error.position)
        document.mistakes.append((place, "not YAML: a character that no text file holds"))
    except (YAMLError, ValueError, RecursionError) as error:
        document.mistakes.append((Place(1, 1), f"not YAML: {str(error).partition(chr(10))[0]}"))
    return document


class _TooDeep(Exception):
    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


class _Builder:
    def __init__(self, events: Iterator[_Event], document: YamlDocument) -> None:
        self._events = events
        self._document = document

    def read(self) -> None:
        documents = 0
        for event in self._events:
            if _kind(event) == "DocumentStart":
                documents += 1
                if documents > 1:
                    self._mistake(event, "a file holds one document: leave the --- out")
                    return
                self._document.value = self._value(next(self._events), ())

    def _value(self, event: _Event, path: Path) -> object:
        place = _place(event)
        self._document.places[path] = place
        if _kind(event) == "Alias":
            self._mistake(event, f"the alias *{event.anchor} is not allowed: write the value out")
            return None
        if len(path) >= MAX_DEPTH:
            raise _TooDeep(place)
        self._refuse_properties(event)
        match _kind(event):
            case "MappingStart":
                return self._mapping(path)
            case "SequenceStart":
                return self._sequence(path)
        self._document.scalars[path] = Scalar(
            place, event.start_mark.index, event.end_mark.index, event.style
        )
        return self._scalar(event)

    def _refuse_properties(self, event: _Event) -> None:
        if event.anchor:
            self._mistake(event, f"the anchor &{event.anchor} is not allowed: write values out")
        if event.tag is not None and str(event.tag) not in {"None", "!"}:
            self._mistake(event, "a tag is not allowed: quote a text that begins with !")

    def _mapping(self, path: Path) -> PlacedMapping:
        mapping = PlacedMapping(path)
        for event in self._events:
            if _kind(event) == "MappingEnd":
                break
            key = self._key(event)
            value_event = next(self._events)
            inner = (*path, key)
            if key in mapping:
                first = self._document.keys[inner]
                self._mistake(event, f"{key!r} was already set in line {first.line}: leave one of them out")
                _Builder(self._events, YamlDocument(mistakes=self._document.mistakes))._value(
                    value_event, inner
                )
                continue
            self._document.keys[inner] = _place(event)
            mapping[key] = self._value(value_event, inner)
        return mapping

    def _key(self, event: _Event) -> str:
        if _kind(event) == "Scalar":
            self._refuse_properties(event)
            return self._text(event)
        self._mistake(event, "a key is a single word or text, not a list or a mapping")
        self._skip(event)
        return f"?{event.start_mark.index}"

    def _skip(self, event: _Event) -> None:
        depth = 0
        while True:
            kind = _kind(event)
            depth += kind.endswith("Start") - kind.endswith("End")
            if depth <= 0:
                return
            event = next(self._events)

    def _sequence(self, path: Path) -> list[object]:
        sequence: list[object] = []
        for event in self._events:
            if _kind(event) == "SequenceEnd":
                break
            sequence.append(self._value(event, (*path, len(sequence))))
        return sequence

    def _scalar(self, event: _Event) -> object:
        text = self._text(event)
        if event.implicit[0] is False:  # quoted, a block, or tagged
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text in _NOT_NUMBERS:
            self._mistake(event, f"{text} is no number that can be passed on: quote it to keep it as text")
            return text
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OCTAL.fullmatch(text):
            return int(text, 8)
        if _HEXADECIMAL.fullmatch(text):
            return int(text, 16)
        if not _FLOAT.fullmatch(text):
            return text
        number = float(text)
        if _ENDS_IN_ZERO.fullmatch(text) or number in (float("inf"), float("-inf")):
            self._mistake(
                event, f"{text} would be read as the number {number:g}: quote it to keep it as text"
            )
        return number

    def _text(self, event: _Event) -> str:
        text = event.value.encode("utf-8", "replace").decode()
        if text != event.value:
            self._mistake(event, "half of a character (a surrogate): write the character itself")
        return text

    def _mistake(self, event: _Event, message: str) -> None:
        self._document.mistakes.append((_place(event), message))


def _kind(event: _Event) -> str:
    return type(event).__name__.removesuffix("Event")


def _place(event: _Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _place_of_index(text: str, index: int) -> Place:
    before = text[: max(0, index)]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
