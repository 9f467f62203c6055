"""Pipelines that tell people and GitHub how they go, on the real engine."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from perdure.config import NotifySettings
from perdure.emulator import App, Installation
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.audit import audit_pipeline
from perdure.engine.pipelines import start_input, start_pipeline
from perdure.errors import ApprovalNotKnownError, PipelineCancelledError, PipelineFailedError
from perdure.model.approvals import Person, Verdict
from perdure.pipeline import compile_pipeline, read_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.running import PipelineInput, SizeLimits
from perdure.workflows import _notifying
from webhook_receiver import answer, receiving

NOTIFY = NotifySettings(
    allow_private=True, timeout=timedelta(seconds=20), temporal_ui="https://temporal.example.com"
)
HOOK = "notify: [{on: [start, waiting, success, failure, cancelled], webhook: 'env:A_WEBHOOK'}]\n"
PAUSE = "name: pause\nsteps: {a: {wait: 1s}}\n"
GATED = "name: gated\nsteps: {gate: {approval: {approvers: [alice], message: 'Ship <it>?'}}}\n"
UNDONE = """
name: undone
defaults: {adopt-window: 0s}
steps:
  publish:
    action: acme/tools/echo.yml
    inputs: {message: published}
    compensate: {action: acme/tools/echo.yml, inputs: {message: yanked}}
  smoke: {needs: publish, action: acme/tools/echo.yml, inputs: {message: smoke, fail: 'true'}}
"""
MARKED = """
notify:
  - {on: [start, success], check-run: {repository: acme/tools, name: Release}}
  - {on: [start, waiting, success, failure], commit-status: {repository: acme/tools}}
"""
FULL = {"actions": "write", "checks": "write", "contents": "read", "metadata": "read", "statuses": "write"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def receiver(monkeypatch):
    async with receiving() as opened:
        monkeypatch.setenv("A_WEBHOOK", opened.url)
        yield opened


@pytest.fixture
def run(idle_house):
    async def start(text, **options):
        return await start_pipeline(
            idle_house.client, read_pipeline(text), task_queue=idle_house.task_queue, **options
        )

    return start


@pytest.fixture
async def told(idle_house, receiver):
    """The house with workers that may post to this machine."""
    async with idle_house.workers(notify=NOTIFY):
        yield idle_house


async def deciding(house, approval_id, verdict=Verdict.APPROVED):
    approval = get_approval(house.client, approval_id)
    async with asyncio.timeout(30):
        while True:
            try:
                progress = await approval.progress()
            except ApprovalNotKnownError:
                await asyncio.sleep(0.1)
                continue
            return await approval.decide(local_decision(progress, "alice", verdict))


async def records(handle):
    return [(one.moment.value, one.target, one.reason) for one in (await handle.progress()).notifications]


async def test_people_are_told_of_start_waiting_and_success(told, receiver, run):
    """In this order, with who is waited for, how to decide, and where to look."""
    handle = await run(HOOK + GATED, requester=Person(login="carol"))
    await receiver.until(2)
    await deciding(told, f"approval/{handle.id}/gate")
    await asyncio.wait_for(handle.result(), 60)
    assert receiver.texts[:2] == ["gated started by carol", "gated waits for alice"]
    assert receiver.texts[2].startswith("gated succeeded after ")
    waiting = "\n".join(block["text"]["text"] for block in receiver.posts[1]["blocks"])
    assert ">Ship &lt;it&gt;?" in waiting
    assert f"`perdure approval approve approval/{handle.id}/gate`" in waiting
    page = handle.id.replace("/", "%2F")
    assert f"https://temporal.example.com/namespaces/default/workflows/{page}" in waiting
    assert await records(handle) == [
        ("start", "env:A_WEBHOOK", ""),
        ("waiting", "env:A_WEBHOOK", ""),
        ("success", "env:A_WEBHOOK", ""),
    ]


async def test_a_failure_is_told_after_what_succeeded_was_undone(told, receiver, run):
    """With the step, its page and what was undone."""
    handle = await run(HOOK + UNDONE)
    with pytest.raises(PipelineFailedError):
        await asyncio.wait_for(handle.result(), 60)
    assert [text.partition(" after")[0] for text in receiver.texts] == ["undone started", "undone failed"]
    said = "\n".join(block["text"]["text"] for block in receiver.posts[1]["blocks"])
    assert "|smoke> failure" in said
    assert "Undone:\n✓" in said
    assert "/actions/runs/" in said


async def test_a_cancellation_is_told_although_the_pipeline_is_being_cancelled(told, receiver, run):
    """What tells it is shielded from the cancellation itself."""
    handle = await run(HOOK + PAUSE.replace("1s", "1h"))
    await receiver.until(1)
    await handle.cancel()
    with pytest.raises(PipelineCancelledError):
        await asyncio.wait_for(handle.result(), 60)
    assert receiver.texts[1].startswith("pause was cancelled")


async def test_a_webhook_that_fails_neither_fails_nor_holds_up_the_pipeline(told, receiver, run):
    """What is worth another try is tried again; what is not is recorded with the reason."""
    receiver.answers = [answer(503), answer(200, "ok"), answer(404, "no_service")]
    handle = await run(HOOK + PAUSE)
    assert (await asyncio.wait_for(handle.result(), 60)).conclusion.value == "success"
    assert [text.partition(" after")[0] for text in receiver.texts] == ["pause started"] * 2 + [
        "pause succeeded"
    ]
    assert await records(handle) == [
        ("start", "env:A_WEBHOOK", ""),
        ("success", "env:A_WEBHOOK", "env:A_WEBHOOK: the webhook answered 404 (no_service)"),
    ]
    noted = [entry for entry in await audit_pipeline(told.client, handle.id) if entry.kind == "notification"]
    assert [entry.reason for entry in noted] == [
        "told env:A_WEBHOOK of start",
        "could not tell env:A_WEBHOOK of success: the webhook answered 404 (no_service)",
    ]
    history = await told.client.get_workflow_handle(handle.id).fetch_history()
    assert "VerySecretPart" not in history.to_json()


async def test_steps_go_on_while_a_webhook_is_silent(told, receiver, run):
    """The pipeline has done its work before the webhook has answered at all."""
    receiver.answers = ["hang"]
    handle = await run(HOOK + PAUSE)
    async with asyncio.timeout(30):
        while (await handle.progress()).conclusion is None:
            await asyncio.sleep(0.1)
    assert len(receiver.posts) == 1
    receiver.gate.set()
    await asyncio.wait_for(handle.result(), 90)
    assert receiver.texts[-1].startswith("pause succeeded")


async def test_a_webhook_that_never_answers_holds_up_the_end_for_a_limited_time(
    told, receiver, run, monkeypatch
):
    """What was not taken by then is recorded, and the pipeline ends as it would have."""
    monkeypatch.setattr(_notifying, "_AFTER_THE_END", timedelta(seconds=1))
    receiver.always = "hang"
    handle = await run(HOOK + PAUSE)
    assert (await asyncio.wait_for(handle.result(), 60)).conclusion.value == "success"
    late = "not taken within 1 s of the pipeline's end"
    assert await records(handle) == [("start", "env:A_WEBHOOK", late), ("success", "env:A_WEBHOOK", late)]
    assert (await handle.progress()).telling == ()


async def test_a_redirect_is_not_followed(told, receiver, run):
    """It may lead to where the worker may not post."""
    receiver.always = answer(307, location=f"{receiver.url}/elsewhere")
    handle = await run(HOOK + PAUSE)
    await asyncio.wait_for(handle.result(), 60)
    assert len(receiver.posts) == 2
    assert all("redirects are not followed" in reason for _, _, reason in await records(handle))


async def test_private_addresses_are_refused_by_default(idle_house, receiver, run):
    """Nothing is posted, the pipeline succeeds, and no history holds the address."""
    async with idle_house.workers():
        handle = await run(HOOK + PAUSE)
        await asyncio.wait_for(handle.result(), 60)
        assert all("private address" in reason for _, _, reason in await records(handle))
    assert receiver.posts == []
    history = await idle_house.client.get_workflow_handle(handle.id).fetch_history()
    assert "VerySecretPart" not in history.to_json()


async def test_a_parent_tells_of_approvals_in_the_pipelines_that_it_runs(told, receiver, run):
    """The child's file tells nobody."""
    parent = HOOK + "name: parent\nsteps: {child: {pipeline: gated.yaml}}\n"
    handle = await run(parent, files={"gated.yaml": read_pipeline(GATED)})
    await receiver.until(2)
    assert receiver.texts[1] == "parent waits for alice"
    await deciding(told, f"approval/{handle.id}/child/gate")
    await asyncio.wait_for(handle.result(), 60)


async def test_news_that_nobody_should_send_changes_nothing(told, receiver, run):
    """Whoever reaches the engine can send the signal: rubbish and other people's approvals are left out."""
    handle = await run(HOOK + GATED)
    await receiver.until(2)
    temporal = told.client.get_workflow_handle(handle.id)
    other = {"approval_id": "approval/other/x", "kind": "waiting", "deadline": "2026-11-22T09:00:00Z"}
    for payloads in ([], ["rubbish"], [{"kind": 1}, None], [other]):
        await temporal.signal("approval_news", args=payloads)
    await deciding(told, f"approval/{handle.id}/gate")
    await asyncio.wait_for(handle.result(), 60)
    assert len(receiver.posts) == 3


async def test_news_that_was_not_taken_yet_outlives_a_cut_of_the_history(told, receiver, run):
    """The start is told again where nobody knows whether it was; nothing that was told is forgotten."""
    waits = "".join(f"  w{n}: {{needs: w{n - 1}, wait: 1s}}\n" for n in range(1, 6))
    text = f"name: long\n{HOOK}steps:\n  w0: {{wait: 1s}}\n{waits}"
    receiver.answers = ["hang"]
    compiled = compile_pipeline(read_pipeline(text))
    input = PipelineInput(pipeline=compiled, digest=plan_digest(compiled), limits=SizeLimits(cut_events=12))
    handle = await start_input(told.client, input, None, told.task_queue)
    result = await asyncio.wait_for(handle.result(), 90)
    assert len(result.jobs) == 6
    *begun, ended = receiver.texts
    assert set(begun) == {"long started"}
    assert ended.startswith("long succeeded")
    assert await records(handle) == [("start", "env:A_WEBHOOK", ""), ("success", "env:A_WEBHOOK", "")]
    first = await told.client.get_workflow_handle(handle.id).describe()
    assert first.raw_description.workflow_execution_info.first_run_id != first.run_id


async def test_a_plain_token_marks_commits_and_is_told_what_it_may_not(idle_house, run):
    """The commit status shows each moment; for the check run an App is needed, which is recorded."""
    async with idle_house.workers(notify=NOTIFY):
        handle = await run(MARKED + GATED)
        async with asyncio.timeout(30):
            while len(await statuses(idle_house)) < 2:
                await asyncio.sleep(0.1)
        await deciding(idle_house, f"approval/{handle.id}/gate")
        await asyncio.wait_for(handle.result(), 60)
        found = await statuses(idle_house)
        reasons = {reason for _, target, reason in await records(handle) if target.startswith("check run")}
    assert [one["state"] for one in found] == ["success", "pending", "pending"]
    assert {one["context"] for one in found} == {"gated"}
    assert found[1]["description"].startswith("waits for alice, since ")
    assert found[0]["target_url"].startswith("https://temporal.example.com/")
    assert all("only a GitHub App can make check runs" in reason for reason in reasons)


async def statuses(house):
    return await at_github(house, "/repos/acme/tools/commits/main/statuses", "a-person")


async def at_github(house, path, token):
    async with httpx2.AsyncClient(base_url=house.emulator.api_url) as person:
        return (await person.get(path, headers={"authorization": f"Bearer {token}"})).json()


class TestAsAnApp:
    """With an App that may write checks, or may not."""

    @pytest.fixture
    def permissions(self):
        return FULL

    @pytest.fixture
    def emulator_settings(self, emulator_settings, permissions):
        installed = Installation(id=77, account="acme", repositories=("acme/tools",), permissions=permissions)
        public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        app = App(
            id=4711, slug="perdure", public_key=public, permissions=permissions, installations=(installed,)
        )
        return replace(emulator_settings, apps=(app,), tokens={"person": "octocat"})

    @pytest.fixture
    async def app_house(self, idle_house, tmp_path):
        file = tmp_path / "app.pem"
        file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.chmod(0o600)
        github = idle_house.settings.github.model_copy(
            update={"token": None, "app_id": 4711, "private_key": f"file:{file}"}
        )
        async with idle_house.workers(github=github, notify=NOTIFY):
            yield idle_house

    async def test_one_check_run_follows_the_pipeline_to_its_end(self, app_house, run):
        """In progress from the start, then ended with every step; also where a POST's answer is lost."""
        app_house.emulator.faults.fail_next("POST", "/check-runs", status=502, after_effect=True)
        handle = await run(MARKED + UNDONE)
        with pytest.raises(PipelineFailedError):
            await asyncio.wait_for(handle.result(), 90)
        answered = await at_github(
            app_house, "/repos/acme/tools/commits/main/check-runs?filter=all&check_name=Release", "person"
        )
        [check] = answered["check_runs"]
        assert (check["status"], check["conclusion"], check["external_id"]) == (
            "completed",
            "failure",
            handle.id,
        )
        assert check["output"]["title"].startswith("failed after ")
        assert "| ✗ failure | [smoke](http" in check["output"]["summary"]
        assert all(reason == "" for _, _, reason in await records(handle))

    class TestWithoutPermission:
        """An App whose owner never granted it."""

        @pytest.fixture
        def permissions(self):
            return {"actions": "write", "contents": "read", "metadata": "read"}

        async def test_the_permission_that_is_lacking_is_recorded(self, app_house, run):
            """And nothing else comes of it."""
            handle = await run(MARKED + PAUSE)
            await asyncio.wait_for(handle.result(), 60)
            reasons = {target.partition(" ")[0]: reason for _, target, reason in await records(handle)}
            assert "checks: write" in reasons["check"]
            assert "statuses: write" in reasons["commit"]
