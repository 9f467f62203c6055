"""Webhooks: signed, recorded, redeliverable, and as unreliable as they are told to be.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import asyncio
import hashlib
import hmac
import http.client
import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perdure.emulator.auth import event_installation
from perdure.emulator.identifiers import number_for
from perdure.emulator.pull_records import PullRequest
from perdure.emulator.records import Delivery, Job, Run
from perdure.emulator.settings import EmulatorSettings, Webhook
from perdure.emulator.state import State

if TYPE_CHECKING:
    from perdure.emulator.bodies import Bodies

KEPT = timedelta(days=3)
_HOOK_ID = "42"
_MOST_AT_ONCE = 16
_KEPT_ANSWER = 4096


class Webhooks:
    """Sends what happens to the configured address."""

    def __init__(self, settings: EmulatorSettings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self.bodies: Callable[[], Bodies] | None = None

    def workflow_dispatch(self, run: Run) -> None:
        """Say that a workflow was dispatched: with its inputs, without the run's id."""
        self._emit("workflow_dispatch", None, run.repository, lambda bodies: bodies.dispatch_event(run))

    def workflow_run(self, action: str, run: Run) -> None:
        """Say that a run was requested, is in progress or has completed."""
        self._emit("workflow_run", action, run.repository, lambda bodies: bodies.run_event(action, run))

    def workflow_job(self, action: str, run: Run, job: Job) -> None:
        """Say that a job was queued, is in progress or has completed."""
        self._emit("workflow_job", action, run.repository, lambda bodies: bodies.job_event(action, run, job))

    def pull_request(self, action: str, pull: PullRequest, sender: str, *, before: str | None = None) -> None:
        """Say that a pull request was opened, closed or reopened, or that its branch has moved."""
        self._emit(
            "pull_request",
            action,
            pull.repository,
            lambda bodies: bodies.pull_event(action, pull, sender, before=before),
        )

    def redeliver(self, delivery: Delivery) -> Delivery | None:
        """Send a delivery again, under the same ``X-GitHub-Delivery``."""
        webhook = self._settings.webhook
        if webhook is None:
            return None
        copy = delivery.model_copy(
            update={
                "id": self._state.next_id("delivery"),
                "redelivery": True,
                "status": "pending",
                "status_code": 0,
            }
        )
        self._send(webhook, copy, delay=0.0)
        return copy

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up what is on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _emit(
        self,
        event: str,
        action: str | None,
        repository: str,
        payload: Callable[["Bodies"], dict[str, object]],
    ) -> None:
        webhook = self._settings.webhook
        if webhook is None or self.bodies is None:
            return
        text = json.dumps(payload(self.bodies()), separators=(",", ":"))
        delivery = self._delivery(webhook, event, action, text)
        delivery.repository_id = number_for("repository", repository)
        installed = event_installation(self._settings, repository.split("/")[0])
        delivery.installation_id = installed.id if installed else None
        random = self._state.random
        if random.random() < webhook.drop:
            delivery.status, delivery.status_code = "timed out", 0
            self._record(delivery)
            return
        for _ in range(2 if random.random() < webhook.repeat else 1):
            self._send(webhook, delivery, delay=random.uniform(0.0, webhook.reorder))

    def _delivery(self, webhook: Webhook, event: str, action: str | None, payload: str) -> Delivery:
        guid = str(uuid.uuid4())
        body, key = payload.encode(), webhook.secret.encode()
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/emulated",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": _HOOK_ID,
            "X-GitHub-Hook-Installation-Target-ID": str(
                self._settings.apps[0].id if self._settings.apps else 1
            ),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
        }
        return Delivery(
            id=self._state.next_id("delivery"),
            guid=guid,
            event=event,
            action=action,
            repository_id=None,
            installation_id=None,
            delivered_at=self._state.now(),
            url=webhook.url,
            headers=headers,
            payload=payload,
        )

    def _send(self, webhook: Webhook, delivery: Delivery, *, delay: float) -> None:
        self._record(delivery)
        task = asyncio.get_running_loop().create_task(self._deliver(webhook, delivery, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, webhook: Webhook, delivery: Delivery, delay: float) -> None:
        await asyncio.sleep(delay)
        async with self._slots:
            started = time.monotonic()
            delivery.delivered_at = self._state.now()
            try:
                status, text = await _post(webhook, delivery)
                delivery.status_code, delivery.response = status, text
                delivery.status = http.client.responses.get(status, "Unknown")
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                delivery.status = (
                    "timed out" if isinstance(error, TimeoutError) else "failed to connect to host"
                )
            delivery.duration = round(time.monotonic() - started, 2)
        self._record(delivery)

    def _record(self, delivery: Delivery) -> None:
        self._state.deliveries[delivery.id] = delivery
        self._state.store.put(delivery)
        oldest = self._state.now() - KEPT
        while (first := next(iter(self._state.deliveries.values()))).delivered_at < oldest:
            del self._state.deliveries[first.id]
            self._state.store.delete(first)


async def _post(webhook: Webhook, delivery: Delivery) -> tuple[int, str]:
    """Send a delivery and return the answer's status and beginning; no thread outlives a cancellation."""
    address, body = urlsplit(webhook.url), delivery.payload.encode()
    is_secure = address.scheme == "https"
    port = address.port or (443 if is_secure else 80)
    target = f"{address.path or '/'}{'?' + address.query if address.query else ''}"
    own = {"Host": address.netloc, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [
        f"POST {target} HTTP/1.1",
        *(f"{key}: {value}" for key, value in (own | delivery.headers).items()),
    ]
    async with asyncio.timeout(webhook.timeout):
        reader, writer = await asyncio.open_connection(address.hostname, port, ssl=is_secure or None)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            answer = await reader.read(_KEPT_ANSWER)
        finally:
            writer.close()
    return int(head.split(" ")[1]), answer.decode(errors="replace")
