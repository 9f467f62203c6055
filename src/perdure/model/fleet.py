"""Fleets: the same work for every item of a list, however long it is.

Nothing here holds the whole list. A fleet knows where it reads on (a cursor), what is under way (a window),
and a reference to what has ended; so one item costs the same among a hundred and among a hundred thousand.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, model_validator

from perdure.model.actions import StoredObject
from perdure.model.base import Model

REVIEW_WORKFLOW: Final = "RepositoryAnalysisWorkflow"
"""What a fleet does to each repository that it reviews."""

LARGEST_INLINE: Final = 500
"""Items that a fleet's input may hold itself; longer lists are kept in the store."""

LARGEST_VALUE: Final = 4_096
"""Bytes of an item's result that travel through the engine; larger ones are kept in the store."""

LARGEST_PAGE: Final = 128 * 1024
"""Bytes of items that travel at once."""

_MOST_IN_PAGE = 5_000
_LONGEST_KEY = 200
_KEY_NAMES = ("key", "repository", "full_name", "name", "id")


class Tier(StrEnum):
    """How an organisation is served: each tier has task queues, and so workers, of its own."""

    STARTER = "starter"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class FleetItem(Model):
    """One item.

    Attributes:
        index: Its place in the list, from 0.
        key: Names it in ids: the same item has the same key whenever the list is read.
        value: What its work is given.
    """

    index: int = 0
    key: str
    value: JsonValue = None


class ListedItems(Model):
    """Items that the input holds itself."""

    kind: Literal["list"] = "list"
    items: tuple[JsonValue, ...] = Field(max_length=LARGEST_INLINE)


class StoredItems(Model):
    """Items in the content store.

    Attributes:
        index: The :class:`StoredIndex`.
        total: How many there are.
    """

    kind: Literal["stored"] = "stored"
    index: StoredObject
    total: int = Field(ge=0)


class OrganizationItems(Model):
    """The repositories of a GitHub organisation or user, as GitHub lists them while the fleet runs.

    Attributes:
        match: Only names like this, such as ``service-*``.
        archived: Whether archived ones count too.
        forks: Whether forks count too.
    """

    kind: Literal["organization"] = "organization"
    organization: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    match: str = "*"
    archived: bool = False
    forks: bool = False


class PagedItems(Model):
    """Items that an activity of your own reads, a page at a time.

    It is given ``{"cursor": ..., "size": ..., **arguments}`` and returns ``{"items": [...], "cursor": ...}``;
    the first cursor is empty, and after the last page it is empty or left out.
    """

    kind: Literal["activity"] = "activity"
    activity: str
    task_queue: str = ""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class UnfinishedItems(Model):
    """The items of another fleet that did not succeed.

    Attributes:
        results: Where its results begin.
    """

    kind: Literal["unfinished"] = "unfinished"
    results: StoredObject
    total: int = Field(default=0, ge=0)


Items = Annotated[
    ListedItems | StoredItems | OrganizationItems | PagedItems | UnfinishedItems, Field(discriminator="kind")
]


class IndexedPage(Model):
    """One page of stored items."""

    stored: StoredObject
    count: int


class StoredIndex(Model):
    """Where the pages of stored items are."""

    pages: tuple[IndexedPage, ...]


class PipelineWork(Model):
    """A pipeline that every item is an input of.

    Attributes:
        file: The pipeline file as JSON.
        files: Those that its steps run.
    """

    file: dict[str, JsonValue]
    files: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)


class Work(Model):
    """What is done for every item: one of a workflow type, an activity, and a pipeline.

    Attributes:
        workflow: A workflow type that the queue's workers know.
        activity: An activity that they know.
        input: What it is given, with ``${{ item }}`` or ``${{ item.name }}`` in it.
        task_queue: Where it runs; the fleet's own queue otherwise.
        timeout: How long one item may take in all.
        attempt_timeout: How long one attempt of an activity may take.
        attempts: Of an activity. A workflow is started once: retrying is for the fleet's owner to decide.
        fairness_key: Whose turn it is: those who share a queue get turns whatever the lengths of their lists.
    """

    workflow: str = ""
    activity: str = ""
    pipeline: PipelineWork | None = None
    input: JsonValue = "${{ item }}"
    task_queue: str = ""
    timeout: timedelta = timedelta(hours=4)
    attempt_timeout: timedelta = timedelta(minutes=30)
    attempts: int = Field(default=5, ge=1)
    fairness_key: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Work":
        if [bool(self.workflow), bool(self.activity), self.pipeline is not None].count(True) != 1:
            msg = "a fleet does one thing: name a workflow, an activity or a pipeline"
            raise ValueError(msg)
        return self

    @property
    def survives_its_parent(self) -> bool:
        """Whether what runs goes on while the fleet begins a new history: a workflow does."""
        return not self.activity


class Outcome(StrEnum):
    """How an item ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemEnd(Model):
    """What the work of an item came to.

    Attributes:
        reason: Why it did not succeed.
        error: The error's type.
        value: What it returned.
        stored: What it returned, where that is larger than :data:`LARGEST_VALUE`.
        cost: In millionths of a US dollar, where it says so: ``cost``, or ``usage.cost``.
    """

    outcome: Outcome
    reason: str = ""
    error: str = ""
    value: JsonValue = None
    stored: StoredObject | None = None
    cost: int = 0


class ItemResult(ItemEnd):
    """How an item ended.

    Attributes:
        index: Its place in the list.
        item: What its work was given; only where it did not succeed, for another try.
        workflow_id: Of its workflow, where it has one.
    """

    index: int
    key: str
    item: JsonValue = None
    workflow_id: str = ""
    started_at: datetime
    ended_at: datetime


class ResultsPage(Model):
    """A part of a fleet's results, in the order in which they ended.

    Attributes:
        previous: The part before; ``None`` for the first.
    """

    results: tuple[ItemResult, ...]
    previous: StoredObject | None = None


def item_key(value: JsonValue) -> str:
    """Return what names an item: the text itself, what its mapping has for a name, else a digest."""
    if isinstance(value, Mapping):
        named = (value[name] for name in _KEY_NAMES if isinstance(value.get(name), str | int))
        value = next(named, value)
    text = str(value) if isinstance(value, str | int) else ""
    if text and len(text.encode()) <= _LONGEST_KEY and text.isprintable():
        return text
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()[:24]


def placed(values: Sequence[JsonValue], start: int) -> tuple[FleetItem, ...]:
    """Return items with their keys and places, the first of which is ``start``."""
    return tuple(
        FleetItem(index=number, key=item_key(value), value=value)
        for number, value in enumerate(values, start=start)
    )


def cost_of(value: JsonValue) -> int:
    """Return what a result says that it has cost, in millionths of a US dollar."""
    if not isinstance(value, Mapping):
        return 0
    usage = value.get("usage")
    found = usage.get("cost") if isinstance(usage, Mapping) else value.get("cost")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def pages_of(values: Sequence[JsonValue]) -> Iterator[tuple[JsonValue, ...]]:
    """Yield a list in parts that may travel."""
    page: list[JsonValue] = []
    size = 0
    for value in values:
        length = json_size(value)
        if page and (size + length > LARGEST_PAGE or len(page) >= _MOST_IN_PAGE):
            yield tuple(page)
            page, size = [], 0
        page.append(value)
        size += length
    if page:
        yield tuple(page)


def is_larger(value: JsonValue, size: int) -> bool:
    """Say whether a value takes more bytes than this, as JSON."""
    return json_size(value) > size


def json_size(value: JsonValue) -> int:
    """Return how many bytes a value takes, as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
