"""A fleet of reviews: each repository of an organisation, on the queue of its tier."""

import uuid

from perdure.emulator import create_repository
from perdure.engine.fleet_store import read_results
from perdure.engine.fleets import start_fleet
from perdure.pipeline.fleet_compiling import compile_fleet, source_of
from perdure.pipeline.fleet_file import read_fleet
from workflows.reviewing import AFTER, reviewing


async def test_every_repository_of_an_organisation_is_reviewed(house, tmp_path):
    """What each review came to stands in the results, and nothing is posted at GitHub."""
    organization = f"org-{uuid.uuid4().hex[:8]}"
    for name in ("one", "two"):
        create_repository(house.root, f"{organization}/{name}", AFTER)
    file = read_fleet(
        f"name: reviews\nitems: {{organization: {organization}}}\nreview: {{use-model: false}}\ntier: pro\n"
    )
    suffix = house.settings.worker.queue_suffix
    input = compile_fleet(file, source_of(file)).model_copy(update={"tier_queue": f"perdure-review{suffix}"})
    async with reviewing(house, tmp_path):
        handle = await start_fleet(house.client, input, task_queue=house.task_queue)
        result = await handle.result()
    assert (result.counts.total, result.counts.succeeded) == (2, 2), result.failures
    found = await read_results(house.client, await handle.progress(), task_queue=house.task_queue)
    assert sorted(one.key for one in found) == [f"{organization}/one", f"{organization}/two"]
    for one in found:
        assert one.value["verdict"] == "findings"
        assert one.value["found"]
