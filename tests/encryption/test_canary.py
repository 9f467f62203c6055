"""Known secrets and an e-mail address go every way there is, and are looked for wherever anything is kept."""

import asyncio
import io
import logging

import pytest

from perdure.config import RedactingFormatter
from perdure.engine.approvals import get_approval, list_approvals, local_decision
from perdure.engine.pipelines import start_pipeline
from perdure.errors import ActionError
from perdure.model.approvals import Verdict
from perdure.pipeline import read_pipeline

RELEASE = """
name: sealed-{unique}
inputs: {{message: {{type: string, required: true}}}}
steps:
  build:
    action: acme/tools/echo.yml
    inputs: {{message: '${{{{ inputs.message }}}}'}}
    outputs: {{message: string}}
  approve:
    needs: build
    approval: {{approvers: [alice], message: 'Tell ${{{{ steps.build.outputs.message }}}}?'}}
outputs: {{said: '${{{{ steps.build.outputs.message }}}}'}}
"""


def kept_by_the_engine(server):
    """Everything in the database's files, of which the server may not have written all into the first."""
    files = sorted(server.folder.glob("temporal.db*"))
    return b"".join(file.read_bytes() for file in files)


def kept_in(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def histories(client, ids):
    """The raw histories of these workflows, as anybody who reaches the engine can read them."""
    return {id: b"".join([event.SerializeToString() async for event in
                          client.get_workflow_handle(id).fetch_history_events()]) for id in ids}  # fmt: skip


async def approved(client):
    """Approve what waits for alice."""
    async with asyncio.timeout(60):
        while not (found := (await list_approvals(client)).approvals):
            await asyncio.sleep(0.1)
    [progress] = [one for one in found if one.approvers == ("alice",)]
    decision = local_decision(progress, "alice", Verdict.APPROVED)
    await get_approval(client, progress.id).decide(decision)


@pytest.fixture
def worker_log():
    """What a worker logs, with everything that there is to say."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


async def test_nothing_that_is_secret_or_personal_can_be_read_where_it_is_kept(
    sealed_house, canaries, temporal_server, worker_log, capfd
):
    """An action that passes, one that fails, and a pipeline with an approval: they do their work as ever, and
    neither histories, nor the database, nor the store, nor logs show what they worked with.
    """
    house = sealed_house
    unique = house.settings.worker.queue_suffix.strip("-")
    pipeline = read_pipeline(RELEASE.format(unique=unique), "sealed.yaml")
    async with house.workers():
        passing = await house.start(inputs={"message": canaries.email}, key=f"passing-{unique}")
        failing = await house.start(
            inputs={"message": canaries.email, "fail": "true"}, key=f"failing-{unique}"
        )
        release = await start_pipeline(
            house.client, pipeline, {"message": canaries.email}, task_queue=house.task_queue
        )
        assert (await passing.result()).outputs == {"message": canaries.email}
        with pytest.raises(ActionError, match="Fail where asked"):
            await failing.result()
        await approved(house.client)
        assert (await release.result()).outputs == {"said": canaries.email}
    ids = (passing.id, failing.id, release.id)
    places = await histories(house.client, ids) | kept_in(house.settings.store.path)
    places["database"] = kept_by_the_engine(temporal_server)
    places["engine's log"] = temporal_server.log_path.read_bytes()
    places["logs"] = "".join((*capfd.readouterr(), worker_log.getvalue())).encode()
    for what, value in canaries.all.items():
        assert [where for where, content in places.items() if value.encode() in content] == [], what
    assert "[e-mail address]" in worker_log.getvalue()
    # What is meant to be readable is found by the same search.
    for id in ids:
        assert id.encode() in places["database"]
