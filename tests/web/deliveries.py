"""Webhooks as GitHub sends them, and as others do."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping

import httpx2

from perdure.config import Secret
from perdure.web.webhooks import PATH, WebhookReceiver

SECRET = "It's a Secret to Everybody"


def secrets(*values: str) -> list[Secret]:
    return [Secret(value, reference="env:WEBHOOK_SECRET") for value in values or (SECRET,)]


def a_run(number: int = 7, action: str = "completed") -> dict[str, object]:
    """Return what is sent about a run; all that it says beside its number is a lie."""
    run = {"id": number, "event": "workflow_dispatch", "run_attempt": 1, "conclusion": "failure"}
    return {"action": action, "workflow_run": run, "repository": {"full_name": "acme/tools"}}


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def deliver(
    receiver: WebhookReceiver,
    payload: object,
    *,
    event: str = "workflow_run",
    guid: str | None = None,
    secret: str = SECRET,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Send one, with headers instead of GitHub's own."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": guid or str(uuid.uuid4()),
        "x-hub-signature-256": signature(body, secret),
        **(headers or {}),
    }
    transport = httpx2.ASGITransport(app=receiver)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.post(
            PATH, content=body, headers={name: text for name, text in sent.items() if text}
        )
