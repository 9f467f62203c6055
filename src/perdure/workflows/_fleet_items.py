"""Reads a fleet's items, wherever they are, a page at a time."""

from collections.abc import Mapping

from temporalio import workflow

from perdure.workflows import _fleet_calls

with workflow.unsafe.imports_passed_through():
    from perdure.activities.failures import application_error
    from perdure.activities.fleet import ItemsPage, ReadItemsInput
    from perdure.errors import UsageError
    from perdure.model.fleet import Items, ListedItems, PagedItems, placed


async def read_page(items: Items, cursor: str, start: int, size: int) -> ItemsPage:
    """Return the items at a cursor.

    Args:
        items: Where they are.
        cursor: As it was returned with the page before; empty for the first.
        start: How many were read before.
        size: How many are wanted.

    Raises:
        FailureError: They cannot be read.
    """
    match items:
        case ListedItems(items=listed):
            following = start + size
            return ItemsPage(
                items=placed(listed[start:following], start),
                cursor=str(following) if following < len(listed) else None,
                total=len(listed),
            )
        case PagedItems():
            return _page_of(items, await _fleet_calls.read_items_by(items, cursor, size), start)
        case _:
            return await _fleet_calls.read_items(
                ReadItemsInput(items=items, cursor=cursor, start=start, size=size)
            )


def _page_of(items: PagedItems, page: Mapping[str, object], start: int) -> ItemsPage:
    values, following = page.get("items"), page.get("cursor")
    if not isinstance(values, list):
        msg = f"the activity {items.activity} returned no list of items: it returns items and a cursor"
        raise application_error(UsageError(msg))
    return ItemsPage(items=placed(values, start), cursor=str(following) if following else None)
