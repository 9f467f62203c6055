"""The codec server: opens for those who may, says who, and speaks as Temporal's own tools expect."""

import asyncio
import base64
import json
import logging
import re
from datetime import timedelta

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from temporalio.api.common.v1 import Payload, Payloads

from cli.local_processes import perdure
from perdure.activities.store import ContentStore
from perdure.config import EncryptionSettings, Secret
from perdure.emulator import EmulatorSettings, User
from perdure.engine.codec import EncryptionCodec
from perdure.engine.external_storage import FolderDriver, external_storage, payload_folder
from perdure.engine.key_ring import KeyRing, new_key
from perdure.engine.local import temporal_binary
from perdure.web.codec import CodecDesk, create_codec_app
from perdure.web.codec_access import SESSION_SECONDS, CodecAccess
from perdure.web.people import People

TOKEN = "the-codec-servers-own-token"
UI = "http://localhost:8233"


@pytest.fixture
def emulator_settings():
    return EmulatorSettings(
        timing="fast",
        users=(User(login="alice", id=101), User(login="eve", id=102)),
        tokens={"any-token": "alice", "alices-token": "alice", "eves-token": "eve"},
    )


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def ring(monkeypatch):
    monkeypatch.setenv("SERVED_KEY", new_key())
    return KeyRing.of(EncryptionSettings(keys={"served": "env:SERVED_KEY"}))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def http(idle_house, ring, clock):
    """Ask a codec server that knows alice, and its token."""
    store = idle_house.settings.store
    people = People(idle_house.emulator.api_url)
    access = CodecAccess(token=Secret(TOKEN, reference="env:X"), people=people, logins=["Alice"], clock=clock)
    desk = CodecDesk(
        codec_of=lambda namespace: EncryptionCodec(ring, namespace=namespace),
        driver_of=lambda namespace: FolderDriver(ContentStore(payload_folder(store, namespace))),
        access=access,
        namespace="default",
        origins=frozenset({UI}),
    )
    transport = httpx2.ASGITransport(app=create_codec_app(desk))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8500") as client:
        yield client
    await people.close()


def bearer(token=TOKEN):
    return {"Authorization": f"Bearer {token}"}


def body(*payloads):
    return MessageToDict(Payloads(payloads=payloads))


def payloads_of(answer):
    assert answer.status_code == 200, answer.text
    return list(ParseDict(answer.json(), Payloads()).payloads)


def plain(data=b'"ada"'):
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


async def test_what_is_encoded_is_decoded_in_its_namespace(http):
    """The namespace comes in the header or in the path, as Temporal's tools send it."""
    there = await http.post("/encode", json=body(plain()), headers={**bearer(), "X-Namespace": "other"})
    [sealed] = payloads_of(there)
    assert sealed.metadata["encryption-key-id"] == b"served"
    assert payloads_of(await http.post("/other/decode", json=body(sealed), headers=bearer())) == [plain()]
    elsewhere = await http.post("/decode", json=body(sealed), headers=bearer())
    assert elsewhere.status_code == 400
    assert "'served'" in elsewhere.json()["detail"]


async def test_who_had_which_workflow_opened_is_logged(http, ring, caplog):
    """The log names the person and the workflow, and nothing that was opened."""
    caplog.set_level(logging.INFO, "perdure.codec")
    codec = EncryptionCodec(ring, namespace="default", workflow_id="action/acme/tools")
    sealed = await codec.encode([plain()])
    assert payloads_of(await http.post("/decode", json=body(*sealed), headers=bearer("alices-token")))
    [line] = [record.getMessage() for record in caplog.records if record.name == "perdure.codec"]
    assert line == (
        "decoded for alice: 1 payloads, namespace 'default', workflows action/acme/tools, keys served"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (bearer("another-token"), 401),
        (bearer(""), 401),
        ({"Authorization": TOKEN}, 401),
        (bearer("eves-token"), 403),
        ({"Cookie": "perdure-codec=made-up"}, 401),
        ({**bearer(), "Origin": "https://elsewhere.example.com"}, 403),
    ],
)
async def test_nobody_else_has_anything_opened(http, headers, status):
    """Neither without a token, nor with somebody else's, nor from a page that is not named."""
    answer = await http.post("/decode", json=body(plain()), headers=headers)
    assert answer.status_code == status
    assert "YWRh" not in answer.text


async def test_the_ui_may_ask_and_no_other_page(http):
    """Browsers are told so before they send anything, and read the answer only where it is named."""
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace"}
    allowed = await http.options("/decode", headers={"Origin": UI, **asking})
    assert allowed.headers["access-control-allow-origin"] == UI
    assert allowed.headers["access-control-allow-credentials"] == "true"
    other = await http.options("/decode", headers={"Origin": "http://localhost:9999", **asking})
    assert "access-control-allow-origin" not in other.headers
    answer = await http.post("/decode", json=body(plain()), headers={**bearer(), "Origin": UI})
    assert answer.headers["access-control-allow-origin"] == UI


async def test_a_person_signs_in_for_the_ui(http, clock):
    """A browser's cookie stands for them for some hours, and says nothing by itself."""
    page = await http.get("/")
    assert "password" in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    refused = await http.post("/sign-in", data={"token": "eves-token"})
    assert (refused.status_code, "may not read payloads" in refused.text) == (401, True)
    own = {"Origin": str(http.base_url)}
    signed_in = await http.post("/sign-in", data={"token": "alices-token"}, headers=own)
    assert signed_in.status_code == 303
    cookie = signed_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "alice" not in cookie
    answer = await http.post("/decode", json=body(plain()), headers={"Origin": UI})
    assert payloads_of(answer) == [plain()]
    clock.now = SESSION_SECONDS + 1
    assert (await http.post("/decode", json=body(plain()))).status_code == 401


async def test_what_stands_outside_the_history_is_fetched_when_asked_for(http, ring, idle_house):
    """The UI keeps references and downloads what a person wants to see; the command gets everything."""
    storage = external_storage(idle_house.settings.store, "default")
    codec = EncryptionCodec(ring, namespace="default")
    [sealed] = await codec.encode([Payload(metadata={"encoding": b"x"}, data=bytes(range(256)) * 8_000)])
    [kept] = await storage.drivers[0].store(None, [sealed])
    reference = Payload(
        metadata={
            "encoding": b"json/protobuf",
            "messageType": b"temporal.api.sdk.v1.ExternalStorageReference",
        },
        data=json.dumps({"driverName": "perdure.folder", "claimData": dict(kept.claim_data)}).encode(),
    )
    left = await http.post("/decode?preserveStorageRefs=true", json=body(reference), headers=bearer())
    assert payloads_of(left) == [reference]
    for path in ("/decode", "/download", "/default/download?preserveStorageRefs=true"):
        [fetched] = payloads_of(await http.post(path, json=body(reference), headers=bearer()))
        assert fetched.data == bytes(range(256)) * 8_000


@pytest.mark.parametrize("content", [b"", b'{"payloads": 7}', b"{", b'{"payloads": [{"data": 7}]}', b"\xff"])
async def test_a_body_that_is_none_is_refused(http, content):
    """With what it should have been."""
    answer = await http.post("/decode", content=content, headers=bearer())
    assert answer.status_code == 400
    assert "payloads" in answer.json()["detail"]


async def shown(address, workflow_id, *options):
    """What Temporal's own command shows of a workflow."""
    process = await asyncio.create_subprocess_exec(
        temporal_binary(), "workflow", "show", "--workflow-id", workflow_id, "--address", address,
        "--output", "json", *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    text = output.decode()
    contents = [base64.b64decode(data) for data in re.findall(r'"data": "([^"]*)"', text)]
    assert contents, text
    return text + b"".join(contents).decode(errors="replace")


async def test_temporals_own_command_shows_what_was_encrypted(canaries, sealed_house, temporal_server):
    """With the codec server's address and token; otherwise it shows nothing of it."""
    house, workflow_id = sealed_house, f"shown{sealed_house.settings.worker.queue_suffix}"
    address = temporal_server.address
    await house.client.start_workflow(
        "Unknown",
        canaries.email,
        id=workflow_id,
        task_queue=workflow_id,
        static_summary=f"for {canaries.email}",
        execution_timeout=timedelta(minutes=5),
    )
    variables = {
        "PERDURE_ENCRYPTION_KEYS": "main=env:SEALED_KEY",
        "PERDURE_ENCRYPTION_CODEC_TOKEN": "env:CODEC_TOKEN",
        "CODEC_TOKEN": TOKEN,
    }
    async with perdure("codec", "serve", "--port", "0", cwd=house.root, **variables) as server:
        await server.says("codec server ready: ")
        url = server.output.partition("codec server ready: ")[2].partition(",")[0]
        endpoint = ("--codec-endpoint", url)
        opened = await shown(address, workflow_id, *endpoint, "--codec-auth", f"Bearer {TOKEN}")
        assert canaries.email in opened
        by_path = await shown(
            address,
            workflow_id,
            "--codec-endpoint",
            f"{url}/{{namespace}}",
            "--codec-auth",
            f"Bearer {TOKEN}",
        )
        assert canaries.email in by_path
        await server.says(f"workflows {workflow_id}, keys main")
    assert canaries.email not in server.output
    assert canaries.email not in await shown(address, workflow_id)


async def test_a_codec_server_that_nobody_may_ask_is_not_started(tmp_path, monkeypatch):
    """It says what is missing: a key, or who may ask."""
    keys = {"PERDURE_ENCRYPTION_KEYS": "main=env:SEALED_KEY", "SEALED_KEY": new_key()}
    for variables, says in (({}, "perdure key rotate"), (keys, "codec_token")):
        async with perdure("codec", "serve", cwd=tmp_path, **variables) as server:
            assert await server.ends() == 2
        assert says in server.output
