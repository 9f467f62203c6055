"""The emulator behind a port: proxies, foreign names, many requests at once."""

import asyncio
import json
import time

from emulator.workflow_texts import REPOSITORY

DISPATCH = f"/repos/{REPOSITORY}/actions/workflows/echo.yml/dispatches"


async def ask(served, target, host):
    """Send one request by hand, with this target and host."""
    host_name, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host_name, int(port))
    writer.write(
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer x\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split(b" ")[1]), body


async def test_absolute_targets_lead_back_through_the_proxy(served):
    """A client that uses the emulator as its proxy gets addresses that lead the same way."""
    target = f"http://api.github.localhost/repos/{REPOSITORY}?x=1"
    status, body = await ask(served, target, "api.github.localhost")

    assert status == 200
    assert json.loads(body)["url"] == f"http://api.github.localhost/repos/{REPOSITORY}"
    assert json.loads(body)["html_url"] == f"http://github.localhost/{REPOSITORY}"


async def test_foreign_names_are_refused(served):
    """A name that merely resolves to this machine, as in DNS rebinding, reaches nothing."""
    status, _ = await ask(served, f"/repos/{REPOSITORY}", "evil.example")

    assert status == 421


async def test_many_runs_at_once_do_not_crawl(served, served_client):
    """A burst of dispatches is accepted quickly, each run exactly once."""
    body = {"ref": "main", "inputs": {"message": "x"}}
    begun = time.monotonic()
    answers = await asyncio.gather(*(served_client.post(DISPATCH, json=body) for _ in range(30)))
    taken = time.monotonic() - begun
    await served.idle()

    assert len({answer.json()["workflow_run_id"] for answer in answers}) == 30
    assert {run.conclusion for run in served.runs} == {"success"}
    assert taken < 15
