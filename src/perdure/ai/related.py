"""Code from elsewhere that is shown beside a change: little of it, for every model does worse with more."""

from collections.abc import Sequence
from typing import Protocol

from perdure.model.review import RelatedChunk, ReviewUnit

BUDGET = 6_000
"""Characters of related code that a unit may carry."""

_LONGEST_QUERY = 4_000


class RelatedCode(Protocol):
    """Finds pieces of a tree that have to do with a text."""

    async def related(self, text: str, *, tree: str, limit: int) -> Sequence[RelatedChunk]:
        """Return the nearest pieces of a tree's code, the nearest first."""
        ...


async def with_related(unit: ReviewUnit, code: RelatedCode, *, tree: str, limit: int) -> ReviewUnit:
    """Return the unit with pieces of code from elsewhere, within the budget.

    Args:
        unit: What a model is shown.
        code: Where pieces are looked for.
        tree: What the index calls the commit.
        limit: How many pieces there may be.
    """
    if limit == 0:
        return unit
    # Twice as many: some of them are the unit itself.
    found = await code.related(unit.text[:_LONGEST_QUERY], tree=tree, limit=limit * 2)
    chosen: list[RelatedChunk] = []
    left = BUDGET
    for chunk in found:
        if len(chosen) < limit and len(chunk.text) <= left and not _is_shown(chunk, unit):
            chosen.append(chunk)
            left -= len(chunk.text)
    return unit.model_copy(update={"related": tuple(chosen)})


def _is_shown(chunk: RelatedChunk, unit: ReviewUnit) -> bool:
    end = unit.start_line + unit.text.count("\n")
    last = chunk.start_line + chunk.text.count("\n")
    return chunk.path == unit.path and chunk.start_line <= end and last >= unit.start_line
