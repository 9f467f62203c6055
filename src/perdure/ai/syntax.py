"""What a file's syntax says of it: its language, and where its functions and classes are.

tree-sitter reads 77 languages without a network, also files that are broken. What it cannot read, or not in
time, has no syntax here, and its callers go by lines.

Its parsers are C, and some of them crash on files that were made for it: 400,000 times ``- `` ends a process
that takes them for YAML. So strangers' files are parsed by :mod:`perdure.ai.reading` in a process of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

LARGEST_SOURCE: Final = 1_000_000
"""Bytes; what is larger is nobody's handwriting."""

_SECONDS = 5.0
_DEEPEST = 200
"""Levels that are looked into; what is nested deeper was made to be."""

_BY_NAME: Final = {
    "dockerfile": "dockerfile", "containerfile": "dockerfile", "makefile": "make", "gnumakefile": "make",
    "justfile": "just", "cmakelists.txt": "cmake", "rakefile": "ruby", "gemfile": "ruby", "build": "starlark",
    "workspace": "starlark", "build.bazel": "starlark", "jenkinsfile": "groovy",
}  # fmt: skip
_BY_SUFFIX: Final = {
    suffix: language
    for language, suffixes in {
        "python": "py pyi pyw", "javascript": "js mjs cjs jsx", "typescript": "ts mts cts", "tsx": "tsx",
        "go": "go", "rust": "rs", "java": "java", "kotlin": "kt kts", "scala": "scala sc", "c": "c h",
        "cpp": "cc cpp cxx hpp hh hxx ipp", "csharp": "cs", "objc": "m mm", "swift": "swift",
        "ruby": "rb rake",
        "php": "php phtml", "perl": "pl pm t", "lua": "lua", "r": "r", "julia": "jl", "haskell": "hs",
        "ocaml": "ml", "elixir": "ex exs", "erlang": "erl hrl", "clojure": "clj cljs cljc", "dart": "dart",
        "zig": "zig", "nix": "nix", "solidity": "sol", "fortran": "f90 f95 f03 f08 for",
        "groovy": "groovy gradle",
        "bash": "sh bash zsh ksh", "powershell": "ps1 psm1", "batch": "bat cmd", "vim": "vim", "sql": "sql",
        "html": "html htm xhtml", "css": "css", "scss": "scss", "vue": "vue", "svelte": "svelte",
        "astro": "astro", "json": "json", "json5": "json5", "jsonnet": "jsonnet libsonnet",
        "yaml": "yaml yml",
        "toml": "toml", "xml": "xml xsd xsl svg plist", "ini": "ini cfg", "properties": "properties",
        "hcl": "tf hcl tfvars", "proto": "proto", "graphql": "graphql gql", "markdown": "md markdown",
        "rst": "rst", "latex": "tex", "typst": "typ", "asciidoc": "adoc", "org": "org", "make": "mk",
        "cmake": "cmake", "starlark": "bzl star", "scheme": "scm", "racket": "rkt", "wat": "wat",
        "kdl": "kdl",
        "jinja2": "j2 jinja jinja2", "embedded_template": "erb ejs", "heex": "heex", "gotmpl": "tmpl gotmpl",
    }.items()
    for suffix in suffixes.split()
}  # fmt: skip

_DEFINES = ("function", "method", "class", "struct", "interface", "impl", "trait", "enum", "module", "def")
_NO_DEFINITION = (
    "call",
    "body",
    "parameter",
    "argument",
    "heritage",
    "expression",
    "modifier",
    "declarator",
    "type_",
)
_ALSO = frozenset({"type_spec", "type_alias_declaration", "object_declaration", "protocol_declaration"})
_FUNCTION_VALUES = frozenset({"arrow_function", "function_expression", "function"})
_NAMES = ("name", "declarator", "type", "left")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Symbol:
    """A function, class or the like.

    Attributes:
        name: With what it is inside of, joined by dots: ``Reader.close``.
        start_line: From 1.
        end_line: Included.
    """

    name: str
    start_line: int
    end_line: int


def language_of(path: str) -> str:
    """Return tree-sitter's name of a file's language by the file's name; empty where there is none."""
    pure = PurePosixPath(path.lower())
    return _BY_NAME.get(pure.name) or _BY_SUFFIX.get(pure.suffix.removeprefix("."), "")


def parse(content: bytes, language: str) -> Tree | None:
    """Parse a file; ``None`` where its language is not known, or it is too large or too slow to parse."""
    if not language or len(content) > LARGEST_SOURCE:
        return None
    parser = _parser(language)
    if parser is None:
        return None
    end = time.monotonic() + _SECONDS
    try:
        return parser.parse(
            lambda at, _: content[at : at + 65_536], progress_callback=lambda *_: time.monotonic() > end
        )
    except ValueError:
        # It says "Parsing failed" when it was stopped.
        parser.reset()
        return None


def symbols_in(tree: Tree) -> tuple[Symbol, ...]:
    """Return every definition of a file, outer ones before what is inside of them."""
    return tuple(
        Symbol(".".join(names), node.start_point[0] + 1, node.end_point[0] + 1)
        for node, names in _definitions(tree.root_node)
    )


def enclosing(symbols: Sequence[Symbol], line: int) -> Symbol | None:
    """Return the innermost of these that a line is in."""
    around = [symbol for symbol in symbols if symbol.start_line <= line <= symbol.end_line]
    return min(around, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)


def definition_name(node: Node) -> str:
    """Return what a node defines; empty where it defines nothing."""
    if not node.is_named or not _is_definition(node):
        return ""
    for field in _NAMES:
        found = node.child_by_field_name(field)
        # C and its kin hide the name in declarators of declarators.
        while found is not None and (inner := found.child_by_field_name("declarator")) is not None:
            found = inner
        if found is not None and found.text is not None and len(found.text) <= 200:
            return " ".join(found.text.decode(errors="replace").split())
    return ""


def _is_definition(node: Node) -> bool:
    kind = node.type
    if kind in _ALSO:
        return True
    if kind == "variable_declarator":
        value = node.child_by_field_name("value")
        return value is not None and value.type in _FUNCTION_VALUES
    return any(word in kind for word in _DEFINES) and not any(word in kind for word in _NO_DEFINITION)


def _definitions(root: Node) -> Iterator[tuple[Node, tuple[str, ...]]]:
    # With a stack of its own: a file may be nested deeper than Python can call.
    waiting: list[tuple[Node, tuple[str, ...], int]] = [(root, (), 0)]
    while waiting:
        node, names, depth = waiting.pop()
        if name := definition_name(node):
            names = (*names, name)
            yield node, names
        if depth < _DEEPEST:
            waiting += [(child, names, depth + 1) for child in reversed(node.named_children)]


@lru_cache(maxsize=128)
def _parser(language: str) -> Parser | None:
    # Imported late: the grammars are a large package.
    from semble_grammars import GrammarLoadError, LanguageNotFoundError, UnsupportedPlatformError, get_parser

    try:
        parser: Parser = get_parser(language)
    except (GrammarLoadError, LanguageNotFoundError, UnsupportedPlatformError) as error:
        _log.warning("no syntax for %s: %s", language, error)
        return None
    return parser
