"""What a parallel analysis is started with, and what it came to."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import Field, JsonValue

from perdure.model.base import Model
from perdure.model.fleet import LARGEST_VALUE, ItemEnd, Outcome, Work
from perdure.model.fleet_progress import NamedFailure

_ALL_VALUES: Final = 512 * 1024
"""Bytes of results that are returned in all: the engine takes 2 MB."""


class ParallelAnalysisInput(Model):
    """Input of a parallel analysis.

    Attributes:
        items: What is analysed, in the order of the results.
        work: What is done for each of them.
        max_parallel: How many are under way at the same time.
    """

    items: tuple[JsonValue, ...] = Field(max_length=2_000)
    work: Work
    max_parallel: int = Field(default=10, ge=1, le=1_000)

    @property
    def largest_value(self) -> int:
        """Bytes of one item's result that are returned; larger ones are kept in the store."""
        return min(LARGEST_VALUE, _ALL_VALUES // max(1, len(self.items)))


class Analysed(ItemEnd):
    """How one item ended.

    Attributes:
        index: Its place in the input.
    """

    index: int
    key: str
    workflow_id: str = ""
    started_at: datetime
    ended_at: datetime

    @property
    def took(self) -> timedelta:
        """How long it was under way."""
        return self.ended_at - self.started_at


class ParallelAnalysisResult(Model):
    """What a parallel analysis came to.

    Attributes:
        results: Of every item, in the order of the input, those that failed included.
        errors: Those that did not succeed, with why, in the same order.
        most_parallel: The most items that were under way at the same time.
    """

    results: tuple[Analysed, ...]
    errors: tuple[NamedFailure, ...] = ()
    most_parallel: int = 0

    @property
    def values(self) -> tuple[JsonValue, ...]:
        """What the items returned that succeeded."""
        return tuple(one.value for one in self.results if one.outcome is Outcome.SUCCEEDED)


class ParallelProgress(Model):
    """Where a parallel analysis stands."""

    total: int
    running: tuple[str, ...] = ()
    succeeded: int = 0
    failed: int = 0
    most_parallel: int = 0
