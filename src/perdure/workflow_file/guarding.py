"""Writes guards into jobs and steps."""

from __future__ import annotations

import re
from typing import Any

from perdure.workflow_file.conditions import LONGEST, bare, in_brackets, is_mixed, joined, needs_brackets
from perdure.workflow_file.document import Document, Scalar
from perdure.workflow_file.splicing import Splice, new_key
from perdure.workflow_file.wishes import CannotMendError, GuardWish

_AFTER = ("needs", "name", "id")


def guard_splices(document: Document, wish: GuardWish) -> list[Splice]:
    """Return what adds a guard, or joins it with the condition that is there.

    Raises:
        CannotMendError: The condition cannot be joined with anything.
    """
    entry = wish.node.entries.get("if")
    if entry is None:
        return [new_key(document, wish.node, f"if: {wish.demand}", after=_AFTER)]
    if not isinstance(entry.value, Scalar) or not entry.value.text.strip():
        raise CannotMendError("its if: is empty: write one, or leave it out")
    if len(entry.value.text) > LONGEST:
        raise CannotMendError(f"its if: has more than {LONGEST:,} characters: too long to look into")
    if is_mixed(entry.value.text):
        raise CannotMendError(
            "text beside ${{ }} makes its if: always true at GitHub: write the whole condition without ${{ }}"
        )
    return _join(document, entry.value, wish.demand)


def guarded_value(value: Any, wish: GuardWish) -> None:  # noqa: ANN401 - a loaded file
    """Do the same to the loaded file, for comparing."""
    target = value
    for part in wish.path:
        target = target[part]
    before = wish.node.text("if")
    target["if"] = joined(before, wish.demand) if "if" in wish.node.entries else wish.demand


def same_condition(condition: object) -> str:
    """Return a condition as it is compared: where lines are broken does not matter."""
    return re.sub(r"\s+", "", bare(str(condition)))


def _join(document: Document, scalar: Scalar, demand: str) -> list[Splice]:
    begin, end = _inner(document.text, scalar)
    expression = document.text[begin:end]
    begin += len(expression) - len(expression.lstrip())
    end -= len(expression) - len(expression.rstrip())
    more = f" && {in_brackets(demand)}"
    if scalar.style == "'":
        more = more.replace("'", "''")
    if not needs_brackets(bare(scalar.text)):
        return [Splice(end, end, more)]
    return [Splice(begin, begin, "("), Splice(end, end, f"){more}")]


def _inner(text: str, scalar: Scalar) -> tuple[int, int]:
    """Return where the expression itself stands: without quotes, a block's header, and ``${{ }}``."""
    begin, end = scalar.start, scalar.end
    if scalar.style in {"'", '"'}:
        begin, end = begin + 1, end - 1
    elif scalar.style in {"|", ">"}:
        begin = text.index("\n", begin) + 1
    if "${{" in scalar.text:
        begin = text.index("${{", begin) + 3
        end = text.rindex("}}", begin, end)
    return begin, end
