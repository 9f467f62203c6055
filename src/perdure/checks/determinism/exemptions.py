"""Reads ``# deterministic: reason``, by which a statement or a whole function is let through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from perdure.checks.determinism.symbols import Function, Module

_COMMENT = re.compile(r"#\s*deterministic\s*:\s*\S")
_WITHOUT_REASON = re.compile(r"#\s*deterministic\s*:?\s*$")


def exempt_lines(tree: ast.Module, lines: Sequence[str]) -> frozenset[int]:
    """Return the lines of the statements that a comment lets through.

    The comment stands on a line of the statement, or on one of its own above it. Of a statement with a body
    it is the head that counts: a loop's comment says nothing of what is in the loop.
    """
    if not any(_COMMENT.search(line) for line in lines):
        return frozenset()
    exempt: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            first, last = _head(node)
            above = lines[first - 2].strip() if first > 1 else ""
            said = above if above.startswith("#") else ""
            if any(_COMMENT.search(line) for line in (said, *lines[first - 1 : last])):
                exempt.update(range(first, last + 1))
    return frozenset(exempt)


def exempts(module: Module, node: ast.AST) -> bool:
    """Tell whether a node stands in a statement that is let through."""
    return getattr(node, "lineno", 0) in module.exempt


def exempts_function(function: Function) -> bool:
    """Tell whether a comment at the head of a function lets all of it through."""
    return exempts(function.module, function.node)


def without_reason(module: Module) -> Iterator[int]:
    """Yield the lines whose comment gives no reason."""
    for number, line in enumerate(module.lines, start=1):
        if _WITHOUT_REASON.search(line):
            yield number


def _head(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return first, node.end_lineno or first
    inner = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    started = min([inner.lineno, *(each.lineno for each in getattr(inner, "decorator_list", []))])
    return first, max(node.lineno, started - 1)
