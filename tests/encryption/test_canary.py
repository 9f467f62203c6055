"""Known secrets and an e-mail address go every way there is, and are looked for wherever anything is kept."""

import asyncio
import io
import logging
import uuid

import pytest
from temporalio.worker import Replayer

from perdure.config import NotifySettings, RedactingFormatter
from perdure.engine.approvals import get_approval, list_approvals, local_decision
from perdure.engine.pipelines import start_pipeline
from perdure.errors import ActionError
from perdure.model.approvals import Verdict
from perdure.model.review import RequireApproval, ReviewPolicy
from perdure.pipeline import read_pipeline
from perdure.plugin import PerdurePlugin
from review.model_server import MODEL, model_server
from webhook_receiver import answer, receiving
from workflows.reviewing import reviewing

RELEASE = """
name: sealed-{unique}
inputs: {{message: {{type: string, required: true}}}}
notify: [{{on: [start, success], webhook: 'env:SEALED_WEBHOOK'}}]
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


async def approved(client, unique):
    """Approve what waits for alice: the server is shared with other tests."""
    found = []
    async with asyncio.timeout(60):
        while not found:
            await asyncio.sleep(0.1)
            found = [one for one in (await list_approvals(client)).approvals if unique in one.id]
    [progress] = found
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


def all_places(house, server, ids, raw_histories, said):
    """Everything that is kept anywhere, by where it is."""
    return {
        **{id: raw_histories[id] for id in ids},
        **kept_in(house.settings.store.path),
        "database": kept_by_the_engine(server),
        "engine's log": server.log_path.read_bytes(),
        "logs": said.encode(),
    }


def found(value, places):
    return [where for where, content in places.items() if value.encode() in content]


async def test_nothing_that_is_secret_or_personal_can_be_read_where_it_is_kept(
    sealed_house, canaries, temporal_server, worker_log, capfd, monkeypatch
):
    """An action that passes, one that fails, and a pipeline with an approval and a webhook that fails first:
    they do their work as ever, and neither histories, nor the database, nor the store, nor logs show what
    they worked with.
    """
    house = sealed_house
    unique = house.settings.worker.queue_suffix.strip("-")
    pipeline = read_pipeline(RELEASE.format(unique=unique), "sealed.yaml")
    async with receiving() as receiver, house.workers(notify=NotifySettings(allow_private=True)):
        receiver.answers.append(answer(503))
        webhook_secret = f"T0{uuid.uuid4().hex}"
        monkeypatch.setenv("SEALED_WEBHOOK", f"{receiver.url}/{webhook_secret}")
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
        await approved(house.client, unique)
        assert (await release.result()).outputs == {"said": canaries.email}
        await receiver.until(2)
    assert webhook_secret in receiver.heads[0]
    ids = (passing.id, failing.id, release.id)
    logging.getLogger("perdure").warning("told %s with %s", canaries.email, canaries.token)
    said = "".join((*capfd.readouterr(), worker_log.getvalue()))
    places = all_places(house, temporal_server, ids, await histories(house.client, ids), said)
    for what, value in {**canaries.all, "webhook": webhook_secret}.items():
        assert found(value, places) == [], what
    assert "told [e-mail address] with [secret]" in said
    # Whoever has the key replays it as ever.
    replayer = Replayer(workflows=[], plugins=[PerdurePlugin(house.settings)], namespace="default")
    for id in ids:
        history = await house.client.get_workflow_handle(id).fetch_history()
        assert (await replayer.replay_workflow(history)).replay_failure is None
    # What is meant to be readable is found by the same search.
    for id in ids:
        assert id.encode() in places["database"]


@pytest.mark.faults
async def test_a_review_shows_neither_keys_nor_the_code_that_it_read(
    sealed_house, canaries, temporal_server, worker_log, capfd, monkeypatch, tmp_path
):
    """Not the App's, not the model's; and not an e-mail address that stands in the code."""
    model_key = f"sk-{uuid.uuid4().hex}"
    monkeypatch.setenv("SEALED_MODEL_KEY", model_key)
    house = sealed_house
    async with model_server(key=model_key) as server, house.workers():
        endpoint = {"model": f"openai:{MODEL}", "base_url": server.base_url, "key": "env:SEALED_MODEL_KEY"}
        async with reviewing(house, tmp_path, models=(endpoint,)) as review:
            review.push({"mail.py": f'TO = "{canaries.email}"  # BUG\n'})
            handle = await review.start(ReviewPolicy(require_approval=RequireApproval.NEVER))
            assert (await handle.result()).summary.found["error"] >= 1
        assert canaries.email in "".join(server.prompts)
    ids = (handle.id,)
    said = "".join((*capfd.readouterr(), worker_log.getvalue()))
    places = all_places(house, temporal_server, ids, await histories(house.client, ids), said)
    for what, value in {**canaries.all, "model's key": model_key}.items():
        assert found(value, places) == [], what
    everywhere = kept_in(tmp_path / "review") | kept_in(tmp_path / "index")
    for what, value in {"token": canaries.token, "key": canaries.key, "model's key": model_key}.items():
        assert found(value, everywhere) == [], what
