"""Reads a YAML file into nodes that know where they stand in the text.

Workflow files are mended by splicing text, since every writer of YAML changes lines that nobody touched. So a
node's end is where its content ends: the reader's own marks for blocks lie behind the comments and blank
lines that follow, and what is inserted there would come between a comment and what it explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, SequenceNode

MAX_CHARACTERS: Final = 256_000
MAX_DEPTH: Final = 50


class UnreadableFileError(ValueError):
    """A file is no YAML that GitHub would take.

    Attributes:
        line: Where, from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Node:
    """A value, and where it stands.

    Attributes:
        start: Index of its first character.
        end: Index behind its last character; comments behind it are not part of it.
        line: From 1.
        column: From 0.
    """

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Scalar(Node):
    """A single value.

    Attributes:
        text: What it says, without quotes.
        style: ``'``, ``"``, ``|``, ``>``, or ``None`` for plain text.
    """

    text: str
    style: str | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A key of a mapping, and its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, kw_only=True)
class Mapping(Node):
    """Keys and values, in their order."""

    entries: dict[str, Entry] = field(default_factory=dict)
    is_flow: bool

    def get(self, key: str) -> Node | None:
        """Return a key's value."""
        entry = self.entries.get(key)
        return entry.value if entry else None

    def text(self, key: str) -> str:
        """Return a key's value where it is a single one, else nothing."""
        value = self.get(key)
        return value.text if isinstance(value, Scalar) else ""

    def inner(self, key: str) -> Mapping | None:
        """Return a key's value where it is a mapping."""
        value = self.get(key)
        return value if isinstance(value, Mapping) else None


@dataclass(frozen=True, kw_only=True)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]
    is_flow: bool


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file.

    Attributes:
        text: As it is, with its byte order mark and its ends of lines.
        root: What stands at its top.
        value: What it means, as plain Python values.
        has_aliases: Whether one text stands for several values.
    """

    text: str
    root: Mapping
    value: dict[str, Any]
    has_aliases: bool = False

    @property
    def newline(self) -> str:
        """How most of its lines end."""
        return "\r\n" if self.text.count("\r\n") * 2 > self.text.count("\n") else "\n"


def read_document(text: str) -> Document:
    """Read a file.

    Raises:
        UnreadableFileError: It is no YAML, too large, too deep, or holds more than one document.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadableFileError(f"the file has more than {MAX_CHARACTERS:,} characters")
    try:
        has_aliases = _check_events(text)
        composed, value = _composed(text)
    except UnreadableFileError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context).partition("\n")[0]
        raise UnreadableFileError(f"not YAML: {problem}", mark.line + 1 if mark else 1) from None
    except (YAMLError, ValueError, TypeError, RecursionError, LookupError) as error:
        raise UnreadableFileError(f"not YAML: {str(error).partition(chr(10))[0]}") from None
    if not isinstance(composed, MappingNode) or not isinstance(value, dict):
        raise UnreadableFileError("the file holds no mapping: it begins with name:, on: or jobs:")
    root = _Builder(text).mapping(composed)
    return Document(text=text, root=root, value=value, has_aliases=has_aliases)


def _composed(text: str) -> tuple[Any, Any]:
    """Return the nodes and what they mean, in one pass."""
    constructor, parser = YAML(typ="safe", pure=True).get_constructor_parser(text)
    try:
        node = constructor.composer.get_single_node()
        return node, None if node is None else constructor.construct_document(node)
    finally:
        parser.dispose()


def _check_events(text: str) -> bool:
    depth = documents = 0
    has_aliases = False
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        documents += type(event).__name__ == "DocumentStartEvent"
        if documents > 1:
            raise UnreadableFileError("a file holds one document: leave the --- out", line)
        if getattr(event, "version", None):
            raise UnreadableFileError("a %YAML directive changes what words mean: leave it out", line)
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        elif isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
            raise UnreadableFileError("a merge key (<<), which GitHub does not take", line)
        if depth > MAX_DEPTH:
            raise UnreadableFileError(f"nested deeper than {MAX_DEPTH} levels", line)
        has_aliases |= isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and bool(event.anchor))
    return has_aliases


class _Builder:
    def __init__(self, text: str) -> None:
        self._text = text

    def mapping(self, node: Any) -> Mapping:  # noqa: ANN401 - ruamel's nodes have no common type
        entries: dict[str, Entry] = {}
        end = node.start_mark.index
        for key_node, value_node in node.value:
            key = self._scalar(key_node)
            value = self._node(value_node, after=key.end)
            entries[key.text] = Entry(key=key, value=value)
            end = max(end, value.end)
        if node.flow_style:
            end = node.end_mark.index
        return Mapping(**_place(node), end=end, entries=entries, is_flow=bool(node.flow_style))

    def _node(self, node: Any, *, after: int) -> Node:  # noqa: ANN401
        if isinstance(node, MappingNode):
            return self.mapping(node)
        if isinstance(node, SequenceNode):
            items = tuple(self._node(item, after=item.start_mark.index) for item in node.value)
            ends = [node.start_mark.index, *(item.end for item in items)]
            end = node.end_mark.index if node.flow_style else max(ends)
            return Sequence(**_place(node), end=end, items=items, is_flow=bool(node.flow_style))
        return self._scalar(node, after=after)

    def _scalar(self, node: Any, *, after: int | None = None) -> Scalar:  # noqa: ANN401
        start, end = node.start_mark.index, node.end_mark.index
        place = _place(node)
        if start == end and after is not None and not node.style:
            # Nothing stands there: its mark lies somewhere behind, its place is right behind the colon.
            colon = self._text.find(":", after)
            # In `{a, b: c}` the first key has no colon of its own.
            is_own = colon >= 0 and not self._text[after:colon].strip()
            place["start"] = start = end = colon + 1 if is_own else after
        elif node.style in {"|", ">"}:
            end = start + len(self._text[start:end].rstrip())
        value = node.value if isinstance(node.value, str) else ""
        return Scalar(**place, end=end, text=value, style=node.style or None)


def _place(node: Any) -> dict[str, int]:  # noqa: ANN401
    mark = node.start_mark
    return {"start": mark.index, "line": mark.line + 1, "column": mark.column}


def scalars(node: Node) -> Iterator[Scalar]:
    """Yield every single value inside of a node."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from scalars(entry.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from scalars(item)
