import os
import signal

from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.scheduled import get_schedules, pause_schedules
from perdure.engine.schedules import set_schedules
from perdure.model.approvals import Person
from perdure.pipeline import read_pipeline

NIGHTLY = """
name: nightly
schedule:
  - {cron: '0 6 * * *', timezone: Europe/Berlin}
  - {cron: '0 7 * * *'}
steps: {a: {wait: 1s}}
"""


async def test_schedules_survive_the_local_server(tmp_path):
    """Killed and started again on its file, it knows when they start, who set them, which are paused."""
    async with LocalServer(tmp_path) as server:
        client = await connect_local(server.address)
        await set_schedules(client, read_pipeline(NIGHTLY), requester=Person(login="carol"))
        await pause_schedules(client, "nightly/2", "a freeze")
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        await server.start()
        first, *_ = await get_schedules(client, "nightly/1")
        second, *_ = await get_schedules(client, "nightly/2")
    assert (first.paused, first.facts.set_by) == (False, "carol")
    assert {(at.hour, str(at.tzinfo)) for at in first.next_at} == {(6, "Europe/Berlin")}
    assert (second.paused, second.note) == (True, "a freeze")
