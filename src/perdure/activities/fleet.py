"""What a fleet's workflows need from outside: pages of items, the store, and the ends of other workflows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.ends import bad_end, good_end
from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.store import ContentStore
from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.fleet import (
    LARGEST_PAGE,
    LARGEST_VALUE,
    FleetItem,
    IndexedPage,
    ItemEnd,
    Items,
    ListedItems,
    OrganizationItems,
    Outcome,
    PagedItems,
    ResultsPage,
    StoredIndex,
    StoredItems,
    UnfinishedItems,
    is_larger,
    json_size,
    placed,
)

if TYPE_CHECKING:
    from perdure.github import GitHubClient
    from perdure.github.facts import RepositoryFacts

_LARGEST_BATCH = 512 * 1024
"""Bytes of results that travel at once."""


class ReadItemsInput(Model):
    """Input of :meth:`FleetActivities.read_items`.

    Attributes:
        cursor: As it was returned with the page before; empty for the first.
        start: How many items were read before.
        size: How many are wanted.
    """

    items: Items
    cursor: str = ""
    start: int = 0
    size: int = Field(default=100, ge=1)


class ItemsPage(Model):
    """Some items, and where to read on.

    Attributes:
        cursor: ``None`` after the last page.
        total: How many there are in all, where that is known.
    """

    items: tuple[FleetItem, ...]
    cursor: str | None = None
    total: int | None = None


class KeepItemsInput(Model):
    """Input of :meth:`FleetActivities.keep_items`."""

    items: tuple[JsonValue, ...]


class AwaitWorkflowsInput(Model):
    """Input of :meth:`FleetActivities.await_workflows`.

    Attributes:
        within: How long to wait for the first of them.
    """

    workflow_ids: tuple[str, ...]
    within: timedelta = timedelta(minutes=20)


class WorkflowEnd(Model):
    """How a workflow ended; ``end`` is ``None`` where there is no such workflow."""

    workflow_id: str
    end: ItemEnd | None = None


class ReadResultsInput(Model):
    """Input of :meth:`FleetActivities.read_results`: where to begin."""

    results: StoredObject


class ResultsBatch(Model):
    """Some of a fleet's results, last ones first, and where to read on."""

    pages: tuple[ResultsPage, ...]
    previous: StoredObject | None = None


class FleetActivities:
    """Reads items, keeps results, and waits for workflows that a fleet began in an earlier history."""

    def __init__(self, store: ContentStore, temporal: Client, github: "GitHubClient") -> None:
        self._store = store
        self._temporal = temporal
        self._github = github
        self._index = lru_cache(maxsize=32)(self._read_index)

    @property
    def all(self) -> list[Callable[..., Awaitable[object]]]:
        """Every one of them, for a worker."""
        return [
            self.read_items,
            self.keep_items,
            self.keep_index,
            self.keep_results,
            self.keep_value,
            self.read_results,
            self.await_workflows,
        ]

    @activity.defn
    async def read_items(self, input: ReadItemsInput) -> ItemsPage:
        """Return the items at a cursor. Only reads.

        Permanent: there is no such organisation, or the store's object is not what it was.
        """
        with as_application_errors():
            async with heartbeats():
                match input.items:
                    case StoredItems():
                        return await asyncio.to_thread(self._stored, input, input.items)
                    case OrganizationItems():
                        return await self._of_organization(input, input.items)
                    case UnfinishedItems():
                        return await asyncio.to_thread(self._unfinished, input, input.items)
                    case ListedItems() | PagedItems():
                        msg = f"a fleet reads its {input.items.kind} items itself"
                        raise ApplicationError(msg, non_retryable=True)

    @activity.defn
    async def keep_items(self, input: KeepItemsInput) -> StoredObject:
        """Keep a page of a list that is too long to travel. A repeat keeps the same."""
        return await self._keep(input)

    @activity.defn
    async def keep_index(self, input: StoredIndex) -> StoredObject:
        """Keep where a list's pages are. A repeat keeps the same."""
        return await self._keep(input)

    @activity.defn
    async def keep_results(self, input: ResultsPage) -> StoredObject:
        """Keep what has ended. A repeat keeps the same."""
        return await self._keep(input)

    @activity.defn
    async def keep_value(self, input: ItemEnd) -> ItemEnd:
        """Keep a result that is too large to travel on. A repeat keeps the same."""
        return await self._put_away(input)

    @activity.defn
    async def read_results(self, input: ReadResultsInput) -> ResultsBatch:
        """Return results for somebody who cannot reach the store. Only reads."""
        with as_application_errors():
            return await asyncio.to_thread(self._results, input.results)

    @activity.defn
    async def await_workflows(self, input: AwaitWorkflowsInput) -> list[WorkflowEnd]:
        """Wait until at least one of the workflows has ended, and return how. Only reads."""
        waits = [asyncio.create_task(self._end_of(one)) for one in input.workflow_ids]
        try:
            async with heartbeats():
                seconds = input.within.total_seconds()
                done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                return [wait.result() for wait in waits if wait in done]
        finally:
            for wait in waits:
                wait.cancel()

    async def _end_of(self, workflow_id: str) -> WorkflowEnd:
        try:
            value = await self._temporal.get_workflow_handle(workflow_id).result()
        except WorkflowFailureError as failure:
            end = bad_end(failure)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return WorkflowEnd(workflow_id=workflow_id)
            raise
        else:
            end = good_end(value)
            end = await self._put_away(end) if is_larger(value, LARGEST_VALUE) else end
        return WorkflowEnd(workflow_id=workflow_id, end=end)

    async def _put_away(self, end: ItemEnd) -> ItemEnd:
        stored = await asyncio.to_thread(self._store.put_json_over, 0, {"value": end.value})
        return end.model_copy(update={"value": None, "stored": stored})

    async def _keep(self, model: Model) -> StoredObject:
        return await asyncio.to_thread(self._store.put, model.model_dump_json().encode())

    def _stored(self, input: ReadItemsInput, items: StoredItems) -> ItemsPage:
        left = input.start
        for page in self._index(items.index):
            if left < page.count:
                kept = KeepItemsInput.model_validate_json(self._store.get(page.stored))
                return _page_of(input, kept.items[left:], items.total)
            left -= page.count
        return ItemsPage(items=(), total=items.total)

    def _read_index(self, index: StoredObject) -> tuple[IndexedPage, ...]:
        return StoredIndex.model_validate_json(self._store.get(index)).pages

    def _unfinished(self, input: ReadItemsInput, items: UnfinishedItems) -> ItemsPage:
        digest, _, size = input.cursor.partition(":")
        at = StoredObject(sha256=digest, size=int(size)) if input.cursor else items.results
        page = ResultsPage.model_validate_json(self._store.get(at))
        found = [one for one in page.results if one.outcome is not Outcome.SUCCEEDED]
        previous = page.previous
        return ItemsPage(
            items=tuple(
                FleetItem(index=number, key=one.key, value=one.item)
                for number, one in enumerate(found, start=input.start)
            ),
            cursor=f"{previous.sha256}:{previous.size}" if previous else None,
            total=items.total or None,
        )

    async def _of_organization(self, input: ReadItemsInput, items: OrganizationItems) -> ItemsPage:
        found, following = await self._github.list_repositories(
            items.organization, page=int(input.cursor or "1")
        )
        names = [one.repository for one in found if _is_wanted(one, items)]
        return ItemsPage(
            items=tuple(
                FleetItem(index=number, key=name, value=name)
                for number, name in enumerate(names, start=input.start)
            ),
            cursor=str(following) if following else None,
        )

    def _results(self, at: StoredObject) -> ResultsBatch:
        pages: list[ResultsPage] = []
        size = 0
        following: StoredObject | None = at
        while following is not None and (not pages or size + following.size <= _LARGEST_BATCH):
            pages.append(ResultsPage.model_validate_json(self._store.get(following)))
            size += following.size
            following = pages[-1].previous
        return ResultsBatch(pages=tuple(pages), previous=following)


def _page_of(input: ReadItemsInput, values: Sequence[JsonValue], total: int) -> ItemsPage:
    wanted: list[JsonValue] = []
    size = 0
    for value in values[: input.size]:
        size += json_size(value)
        if wanted and size > LARGEST_PAGE:
            break
        wanted.append(value)
    read = input.start + len(wanted)
    return ItemsPage(
        items=placed(wanted, input.start), cursor=str(read) if read < total else None, total=total
    )


def _is_wanted(found: "RepositoryFacts", items: OrganizationItems) -> bool:
    name = found.repository.rpartition("/")[2]
    return (
        fnmatchcase(name, items.match)
        and (items.archived or not found.archived)
        and (items.forks or not found.fork)
    )
