"""Reads ``# deterministic: reason``, by which a line or a whole function is let through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perdure.checks.determinism.symbols import Function, Module

_COMMENT = re.compile(r"#\s*deterministic\b(?P<reason>:\s*\S.*)?")


def exempts(module: Module, node: ast.AST) -> bool:
    """Tell whether a comment on a node's lines, or on a line of its own above them, lets it through."""
    first = getattr(node, "lineno", 0)
    last = (
        first if isinstance(node, ast.stmt) and hasattr(node, "body") else getattr(node, "end_lineno", first)
    )
    return bool(first) and _says(module, first, last)


def exempts_function(function: Function) -> bool:
    """Tell whether a comment at the head of a function lets all of it through."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return exempts(function.module, node)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return _says(function.module, first, max(node.lineno, node.body[0].lineno - 1))


def without_reason(module: Module) -> Iterator[int]:
    """Yield the lines whose comment gives no reason."""
    for number, line in enumerate(module.lines, start=1):
        found = _COMMENT.search(line)
        if found is not None and found["reason"] is None and re.search(r"#\s*deterministic\s*:?\s*$", line):
            yield number


def _says(module: Module, first: int, last: int) -> bool:
    lines = module.lines[first - 1 : last]
    above = module.lines[first - 2].strip() if 1 < first <= len(module.lines) + 1 else ""
    if above.startswith("#") and _gives_reason(above):
        return True
    return any(_gives_reason(line) for line in lines)


def _gives_reason(line: str) -> bool:
    found = _COMMENT.search(line)
    return found is not None and found["reason"] is not None
