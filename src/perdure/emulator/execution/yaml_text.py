"""Reads YAML as GitHub does: YAML 1.2 scalars, with the place of everything, and no bombs.

In YAML 1.1, which most readers speak, ``on`` is a boolean and a few hundred bytes of aliases can grow to
gigabytes. Here scalars follow the core schema of YAML 1.2, and size, depth and the number of nodes (counted
through aliases) are limited.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from perdure.emulator.execution.errors import WorkflowFileError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 50
MAX_NODES = 100_000

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,100}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}


@dataclass(frozen=True)
class Place:
    """Where a value stands; lines and columns count from 1."""

    line: int
    column: int

    def error(self, message: str) -> WorkflowFileError:
        """Word an error about this place as GitHub does."""
        return WorkflowFileError(f"(Line: {self.line}, Col: {self.column}): {message}")


class YamlMapping(dict[str, object]):
    """A mapping that knows where it stands, and where each of its keys and values does."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}
        self.value_places: dict[str, Place] = {}


class YamlSequence(list[object]):
    """A sequence that knows where it and its items stand."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.item_places: list[Place] = []


class _Mark(Protocol):
    line: int
    column: int


class _Event(Protocol):
    anchor: str | None
    start_mark: _Mark
    value: str
    implicit: tuple[bool, bool]
    tag: object


def read_yaml(text: str) -> object:
    """Read one document.

    Raises:
        WorkflowFileError: It is no YAML, or larger, deeper or more repetitive than is allowed.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise WorkflowFileError(f"The file is larger than {MAX_BYTES // 1024} kB")
    try:
        return _Builder(YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise place.error(str(error.problem or error.context)) from None
    except (YAMLError, ValueError) as error:
        raise WorkflowFileError(f"You have an error in your yaml syntax: {error}") from None
    except RecursionError:
        raise WorkflowFileError(f"Maximum object depth of {MAX_DEPTH} exceeded") from None


class _Builder:
    def __init__(self, events: Iterator[_Event]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[object, int]] = {}
        self._nodes = 0

    def document(self) -> object:
        value: object = None
        documents = 0
        for event in self._events:
            kind = _kind(event)
            if kind == "DocumentStart":
                documents += 1
                if documents > 1:
                    raise _place(event).error("A file holds one document")
                value = self._value(next(self._events), 0)
        return value

    def _value(self, event: _Event, depth: int) -> object:
        kind = _kind(event)
        if kind == "Alias":
            return self._alias(event)
        if depth >= MAX_DEPTH:
            raise _place(event).error(f"Maximum object depth of {MAX_DEPTH} exceeded")
        before = self._nodes
        self._count(event, 1)
        if kind == "Scalar":
            value: object = _scalar(event)
        elif kind == "MappingStart":
            value = self._mapping(event, depth)
        else:
            value = self._sequence(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _count(self, event: _Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _place(event).error(
                f"The file holds more than {MAX_NODES} values, counted through its aliases"
            )

    def _alias(self, event: _Event) -> object:
        known = self._anchors.get(event.anchor or "")
        if known is None:
            raise _place(event).error(f"Unknown anchor '{event.anchor}'")
        self._count(event, known[1])
        return known[0]

    def _mapping(self, start: _Event, depth: int) -> YamlMapping:
        mapping = YamlMapping(_place(start))
        for event in self._events:
            if _kind(event) == "MappingEnd":
                break
            if _kind(event) != "Scalar":
                raise _place(event).error("A mapping's key is a text")
            key = event.value
            if key in mapping:
                raise _place(event).error(f"'{key}' is already defined")
            self._count(event, 1)
            value = next(self._events)
            mapping.key_places[key] = _place(event)
            mapping.value_places[key] = _place(value)
            mapping[key] = self._value(value, depth + 1)
        return mapping

    def _sequence(self, start: _Event, depth: int) -> YamlSequence:
        sequence = YamlSequence(_place(start))
        for event in self._events:
            if _kind(event) == "SequenceEnd":
                break
            sequence.item_places.append(_place(event))
            sequence.append(self._value(event, depth + 1))
        return sequence


def _kind(event: _Event) -> str:
    return type(event).__name__.removesuffix("Event")


def _place(event: _Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: _Event) -> object:
    text = event.value
    if event.implicit[0] is False:  # quoted, a block, or tagged
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text
