"""Webhooks: signed, in GitHub's shape, recorded, redeliverable, unreliable on demand."""

import hashlib
import hmac
import json
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator, Webhook

SECRET = "It's a Secret to Everybody"


class Receiver:
    """Takes webhooks on a free port."""

    def __init__(self):
        self.got = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.address_family = socket.AF_INET
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def events(self):
        return [(headers["X-GitHub-Event"], json.loads(body)) for headers, body in self.got]


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


async def test_a_run_is_told_event_by_event(root, connect, receiver):
    """Each change of a run and of its job is one signed delivery in GitHub's shape."""
    webhook = Webhook(url=receiver.url, secret=SECRET)
    async with GitHubEmulator(root, webhook=webhook) as emulator, connect(emulator) as client:
        number = await client.dispatch(dispatch_id="d-9")
        await emulator.idle()

    kinds = Counter((event, body.get("action")) for event, body in receiver.events)
    assert kinds == {
        ("workflow_dispatch", None): 1,
        ("workflow_run", "requested"): 1,
        ("workflow_run", "in_progress"): 1,
        ("workflow_run", "completed"): 1,
        ("workflow_job", "queued"): 1,
        ("workflow_job", "in_progress"): 1,
        ("workflow_job", "completed"): 1,
    }
    dispatched = next(body for event, body in receiver.events if event == "workflow_dispatch")
    finished = next(
        body for _, body in receiver.events if body.get("action") == "completed" and "workflow_run" in body
    )
    assert dispatched["inputs"]["dispatch_id"] == "d-9"
    assert str(number) not in json.dumps(dispatched)
    assert (finished["workflow_run"]["id"], finished["workflow_run"]["conclusion"]) == (number, "success")
    assert finished["repository"]["full_name"] == REPOSITORY
    for headers, body in receiver.got:
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert len({headers["X-GitHub-Delivery"] for headers, _ in receiver.got}) == 7


async def test_lost_deliveries_are_recorded_and_sent_again(root, connect, receiver, app, sign):
    """A dropped delivery shows in the App's list, and asking sends it under the same delivery id."""
    lossy = {"webhook": Webhook(url=receiver.url, secret=SECRET, drop=1.0), "apps": (app,), "open_mode": True}
    async with GitHubEmulator(root, **lossy) as emulator, connect(emulator) as client:
        await client.dispatch()
        await emulator.idle()
        assert receiver.got == []
        client.headers["authorization"] = f"Bearer {sign()}"
        listed = (await client.get("/app/hook/deliveries", params={"per_page": 2})).json()
        number = listed[0]["id"]
        whole = (await client.get(f"/app/hook/deliveries/{number}")).json()
        assert (await client.post(f"/app/hook/deliveries/{number}/attempts")).status_code == 202
        await emulator.idle()

    assert (len(listed), listed[0]["status_code"]) == (2, 0)
    assert whole["request"]["payload"]["installation"]["id"] == listed[0]["installation_id"]
    assert whole["request"]["payload"]["action"] == "completed"
    assert receiver.got[0][0]["X-GitHub-Delivery"] == listed[0]["guid"]


async def test_deliveries_may_come_twice(root, connect, receiver):
    """A repeated delivery has the same id both times."""
    webhook = Webhook(url=receiver.url, secret=SECRET, repeat=1.0, reorder=0.05)
    async with GitHubEmulator(root, webhook=webhook) as emulator, connect(emulator) as client:
        await client.dispatch()
        await emulator.idle()

    counts = Counter(headers["X-GitHub-Delivery"] for headers, _ in receiver.got)
    assert set(counts.values()) == {2}
