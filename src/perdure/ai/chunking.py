"""Cuts files up where their syntax allows it, into pieces that a search can return.

A definition of some size is a piece of its own; short neighbours share one, and what is too long is cut
between the statements in it. Pieces are whole lines and leave nothing out, so that text is never lost where
the syntax is not understood.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from perdure.ai.syntax import LARGEST_SOURCE, Symbol, language_of, parse, symbols_in
from perdure.model.indexing import Chunk

if TYPE_CHECKING:
    from tree_sitter import Node

VERSION: Final = "1"
"""Part of every chunk's id: raised with every change of how files are cut."""

LARGEST: Final = 2_000
"""Characters of a piece, but for single lines that are longer."""

_SMALLEST = 400
"""A piece goes on growing until it has this many characters."""

_LONGEST_LINE = 8_000
_MACHINE_MADE = 400
"""Characters that lines have on average in files that a machine wrote for machines."""


@dataclass(frozen=True)
class CutFile:
    """What a file came to.

    Attributes:
        skipped: Why it has no chunks; empty where it has.
    """

    chunks: tuple[Chunk, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    skipped: str = ""


def cut_file(path: str, content: bytes, *, by_syntax: bool = True) -> CutFile:
    """Cut a file up.

    Args:
        path: Of the file, from its repository's root; its name tells the language.
        content: Whatever is in it.
        by_syntax: Whether it may be parsed.
    """
    if reason := _why_not(content):
        return CutFile(skipped=reason)
    language = language_of(path)
    lines = _Lines(content.removesuffix(b"\n").split(b"\n"))
    tree = parse(content, language) if by_syntax else None
    symbols = symbols_in(tree) if tree is not None else ()
    spans = _by_syntax(tree.root_node, lines) if tree is not None else _by_lines(lines, 0, len(lines))
    pieces = (lines.piece(first, end) for first, end in _grown(list(spans), lines))
    chunks = tuple(
        _chunk(path, language, _symbol_of(symbols, piece), part)
        for piece in pieces
        for part in piece.parts()
        if part.text.strip()
    )
    return CutFile(chunks=chunks, symbols=symbols)


def chunk_id(language: str, symbol: str, text: str) -> str:
    """Return a chunk's id: the same wherever it is, so that what only moved costs nothing."""
    return hashlib.sha256("\0".join((VERSION, language, symbol, text)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Piece:
    """Lines that belong together, without blank ones around them."""

    start_line: int
    end_line: int
    lines: Sequence[bytes]

    @property
    def text(self) -> str:
        return b"\n".join(self.lines).decode(errors="replace")

    def parts(self) -> Iterator[_Piece]:
        if max(len(line) for line in self.lines) <= _LONGEST_LINE:
            yield self
            return
        for number, line in enumerate(self.lines, start=self.start_line):
            for first in range(0, max(1, len(line)), _LONGEST_LINE):
                yield _Piece(number, number, [line[first : first + _LONGEST_LINE]])


class _Lines:
    """A file's lines, and how long any part of them is."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self._ends = [0, *accumulate(len(line) + 1 for line in lines)]

    def __len__(self) -> int:
        return len(self._lines)

    def size(self, first: int, end: int) -> int:
        return self._ends[min(end, len(self._lines))] - self._ends[first]

    def is_blank(self, number: int) -> bool:
        return not self._lines[number].strip()

    def piece(self, first: int, end: int) -> _Piece:
        while end > first + 1 and self.is_blank(end - 1):
            end -= 1
        while first < end - 1 and self.is_blank(first):
            first += 1
        return _Piece(first + 1, end, self._lines[first:end])


def _chunk(path: str, language: str, symbol: str, piece: _Piece) -> Chunk:
    text = piece.text
    return Chunk(
        chunk_id=chunk_id(language, symbol, text),
        path=path,
        language=language,
        symbol=symbol,
        start_line=piece.start_line,
        end_line=piece.end_line,
        text=text,
    )


def _why_not(content: bytes) -> str:
    if not content.strip():
        return "empty"
    if b"\0" in content[:8000]:
        return "binary"
    if len(content) > LARGEST_SOURCE:
        return f"larger than {LARGEST_SOURCE // 1_000_000} MB"
    if len(content) > 10 * _MACHINE_MADE and len(content) > _MACHINE_MADE * (content.count(b"\n") + 1):
        return "its lines are too long for people"
    return ""


def _by_syntax(root: Node, lines: _Lines) -> Iterator[tuple[int, int]]:
    """Yield spans of lines, without gaps, that begin where a node begins and are short where they can be."""
    at = 0
    # With a stack of its own, the next node last: a file may be nested deeper than Python can call.
    waiting = list(reversed(root.children))
    while waiting:
        node = waiting.pop()
        row, column = node.end_point
        first, end = max(node.start_point[0], at), min(row + (column > 0), len(lines))
        if end <= first:
            continue
        if node.children and lines.size(first, end) > LARGEST:
            waiting += reversed(node.children)
            continue
        if first > at:
            yield at, first
        yield from _by_lines(lines, first, end)
        at = end
    if at < len(lines):
        yield from _by_lines(lines, at, len(lines))


def _by_lines(lines: _Lines, first: int, end: int) -> Iterator[tuple[int, int]]:
    start, blank = first, first
    for number in range(first, end):
        size = lines.size(start, number + 1)
        if size > LARGEST and number > start:
            cut = blank if blank > start else number
            yield start, cut
            start, blank = cut, cut
            size = lines.size(start, number + 1)
        if lines.is_blank(number) and size > LARGEST // 2:
            blank = number + 1
    if start < end:
        yield start, end


def _grown(spans: Sequence[tuple[int, int]], lines: _Lines) -> Iterator[tuple[int, int]]:
    """Join short spans to their neighbours."""
    if not spans:
        return
    start, end = spans[0]
    for first, last in spans[1:]:
        own, joined = lines.size(start, end), lines.size(start, last)
        if joined <= LARGEST and (own < _SMALLEST or lines.size(first, last) < _SMALLEST // 4):
            end = last
        else:
            yield start, end
            start, end = first, last
    yield start, end


def _symbol_of(symbols: Sequence[Symbol], piece: _Piece) -> str:
    """Return what a piece is the definition of, or what it is inside of."""
    # Sorted by where they start, outer ones first.
    begin = bisect_left(symbols, piece.start_line, key=_start)
    end = bisect_right(symbols, piece.end_line, key=_start)
    within = [one for one in symbols[begin:end] if one.end_line <= piece.end_line]
    if within and all(one.end_line <= within[0].end_line for one in within):
        return within[0].name
    after = bisect_right(symbols, piece.start_line, key=_start)
    return next((one.name for one in reversed(symbols[:after]) if one.end_line >= piece.end_line), "")


def _start(symbol: Symbol) -> int:
    return symbol.start_line
