"""``perdure web`` as a receiver of webhooks, alone and beside the gateway."""

import re

import httpx2
import pytest

from cli.local_processes import perdure
from perdure.web import new_private_key
from perdure.web.webhooks import PATH
from web.deliveries import SECRET, signature


@pytest.mark.parametrize("has_own_port", [False, True])
async def test_webhooks_are_taken_alone_and_beside_the_gateway(temporal_server, tmp_path, has_own_port):
    """At the gateway's port or at their own, where the approvals are out of reach."""
    new_private_key(tmp_path / "approvals.pem")
    variables = {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "WEBHOOK_SECRET": SECRET,
        "PERDURE_WEBHOOKS_SECRETS": "env:WEBHOOK_SECRET",
        "PERDURE_APPROVALS_PRIVATE_KEY": f"file:{tmp_path / 'approvals.pem'}",
        **({"PERDURE_WEBHOOKS_PORT": "0"} if has_own_port else {}),
    }
    async with (
        perdure("web", "--port", "0", cwd=tmp_path, **variables) as run,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        await run.says("webhooks ready: ")
        await run.says("GitHub tells them to Apps alone")
        address = re.search(rf"webhooks ready: (http://[0-9.:]+){PATH}", run.output)[1]
        body = b'{"zen": "Keep it logically awesome."}'
        headers = {
            "content-type": "application/json",
            "x-github-event": "ping",
            "x-github-delivery": "1",
            "x-hub-signature-256": signature(body),
        }
        assert (await http.post(address + PATH, content=body, headers=headers)).status_code == 202
        del headers["x-hub-signature-256"]
        assert (await http.post(address + PATH, content=body, headers=headers)).status_code == 401
        expected = 404 if has_own_port else 401
        assert (await http.get(f"{address}/api/approvals")).status_code == expected
        assert SECRET not in run.output
