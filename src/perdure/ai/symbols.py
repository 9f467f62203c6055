"""The function or class around a line, found by syntax.

A finding is the same finding on the next push although its line has moved: what surrounds it says so. And a
model judges a change better by the whole function around it than by three lines of context.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

_DEFINITION = re.compile(
    r"(?:\w+_)?(?:function|method|class|struct|enum|interface|trait|impl|module|namespace|constructor|object"
    r"|type|record|protocol|extension|contract|singleton_method)(?:_signature)?"
    r"(?:_definition|_declaration|_item|_specifier|_spec|_statement)?"
)
_DEEPEST = 400
_LONGEST_NAME = 80


class Symbol(NamedTuple):
    """A definition: its name with those around it, and its first and last line, from 1."""

    name: str
    start: int
    end: int


class Symbols:
    """Finds definitions in one file."""

    def __init__(self, text: str, language: str) -> None:
        """Parse the text. What is in no known language, or no text at all, has no symbols."""
        self._lines = text.split("\n")
        self._tree = _parse(text, language)
        self._is_yaml = language == "yaml"

    def around(self, line: int) -> list[Symbol]:
        """Return the definitions around a line, the innermost first."""
        if self._tree is None or not 1 <= line <= len(self._lines):
            return []
        text = self._lines[line - 1]
        column = len(text[: len(text) - len(text.lstrip())].encode())
        node = self._tree.root_node.descendant_for_point_range((line - 1, column), (line - 1, column))
        found: list[tuple[str, Node]] = []
        for _ in range(_DEEPEST):
            if node is None:
                break
            if name := self._name_of(node):
                found.append((name, node))
            node = node.parent
        return [
            Symbol(".".join(name for name, _ in reversed(found[place:])), *_span(node))
            for place, (_, node) in enumerate(found)
        ]

    def name_at(self, line: int) -> str:
        """Return the name of the innermost definition around a line; empty at the top of a file."""
        around = self.around(line)
        return around[0].name if around else ""

    def _name_of(self, node: Node) -> str:
        if self._is_yaml:
            key = node.child_by_field_name("key") if node.type == "block_mapping_pair" else None
            return _text_of(key) if key is not None and _depth_of(node) <= 1 else ""
        if not _DEFINITION.fullmatch(node.type):
            return ""
        named = node.child_by_field_name("name") or node.child_by_field_name("declarator")
        while named is not None and (inner := named.child_by_field_name("declarator")) is not None:
            named = inner
        return _text_of(named or node.child_by_field_name("type"))


def _parse(text: str, language: str) -> Tree | None:
    if not language:
        return None
    from semble_grammars import LanguageNotFoundError, get_parser

    try:
        parser: Parser = get_parser(language)
    except LanguageNotFoundError:
        return None
    return parser.parse(text.encode(errors="replace"))


def _span(node: Node) -> tuple[int, int]:
    # A decorator belongs to what it decorates. A node that ends before the first column ends a line earlier.
    outer = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else node
    end = outer.end_point.row + (outer.end_point.column > 0)
    return outer.start_point.row + 1, max(end, outer.start_point.row + 1)


def _depth_of(node: Node) -> int:
    """Count the mappings around a key of a YAML file: ``jobs.build`` says where a step is, and no more."""
    depth, current = 0, node.parent
    while current is not None and depth < 3:
        depth += current.type == "block_mapping_pair"
        current = current.parent
    return depth


def _text_of(node: Node | None) -> str:
    text = node.text if node is not None else None
    name = " ".join(text.decode(errors="replace").split()) if text else ""
    return name if len(name) <= _LONGEST_NAME else ""
