"""Reading what workers keep, from a machine that does not see their store."""

import os

import pytest

from perdure.activities.store import ContentStore
from perdure.activities.store_reading import PART_SIZE
from perdure.engine.stored import read_stored
from perdure.errors import PerdureError
from perdure.model.actions import StoredObject


async def test_an_object_is_read_through_a_worker(house):
    """It comes in parts, and is what was kept."""
    content = os.urandom(PART_SIZE + 10)
    stored = ContentStore(house.settings.store.path).put(content)
    assert await read_stored(house.client, stored, task_queue=house.task_queue) == content


async def test_what_is_here_is_not_asked_for(house, tmp_path):
    """A store that has it needs no worker."""
    store = ContentStore(tmp_path / "own")
    assert await read_stored(house.client, store.put(b"here"), store=store, task_queue="nobody") == b"here"


async def test_an_object_that_no_worker_has_is_said(house):
    """The message says which store was looked in."""
    with pytest.raises(PerdureError, match="has no object"):
        await read_stored(house.client, StoredObject(sha256="0" * 64, size=3), task_queue=house.task_queue)
