"""``POST /webhooks/github``: takes what GitHub tells, and has whom it concerns look.

GitHub gives up on a delivery after 10 s and never sends it again by itself. So it is answered before it is
worked on. What is lost in between, with this process or on the way, costs time and nothing else: watchers
find every change without webhooks. That is why the ids of deliveries are remembered in memory alone: one that
comes again after a restart makes somebody look once more.
"""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from perdure.config import Secret
from perdure.errors import EngineError
from perdure.model.webhooks import Hint, SeenDeliveries, hint_of, is_signed
from perdure.web.problems import problem

PATH: Final = "/webhooks/github"
MAX_BODY: Final = 5_000_000
"""Bytes. Nothing larger is read, let alone hashed."""

MAX_WAITING: Final = 10_000
"""Runs and pull requests that wait to be looked at. More are refused, which GitHub remembers."""

_AT_ONCE: Final = 8
_TRIES: Final = 5
_READ_SECONDS: Final = 10.0
"""GitHub's own limit for the whole of a delivery."""

_log = logging.getLogger(__name__)


class WebhookReceiver:
    """An ASGI application that answers :data:`PATH` and leaves everything else to another one."""

    def __init__(
        self,
        secrets: Sequence[Secret],
        nudge: Callable[[Hint], Awaitable[object]],
        *,
        retry_delay: float = 1.0,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Believe these secrets, and nudge with what is signed with one of them.

        Args:
            secrets: One, or several while it is changed.
            nudge: Has those look whom a hint concerns; safe to repeat.
            retry_delay: Seconds after which a nudge that failed is tried again, twice as long each time.
            max_waiting: How much may wait.
        """
        self._secrets = [secret.reveal() for secret in secrets]
        self._nudge = nudge
        self._retry_delay = retry_delay
        self._max_waiting = max_waiting
        self._seen = SeenDeliveries()
        self._waiting: OrderedDict[Hint, set[str]] = OrderedDict()
        self._new = asyncio.Semaphore(0)

    def before(self, app: ASGIApp) -> ASGIApp:
        """Return an application that takes webhooks and leaves the rest to ``app``."""

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            mine = scope["type"] == "http" and scope["path"] == PATH
            await (self if mine else app)(scope, receive, send)

        return both

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] != PATH:
            await problem(404, "there is nothing here but the receiver of webhooks")(scope, receive, send)
            return
        status, said = await self._take(scope, receive)
        taken = JSONResponse({"detail": said}, status_code=status)
        await (taken if status == 202 else problem(status, said))(scope, receive, send)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work on what was taken while the block runs."""
        workers = [asyncio.create_task(self._work()) for _ in range(_AT_ONCE)]
        try:
            yield
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _take(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        if scope["method"] != "POST":
            return 405, "webhooks are posted"
        headers = Headers(scope=scope)
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await _body(headers, receive)
        except TimeoutError:
            return 408, "the body did not come"
        if body is None:
            return 413, "no webhook is that large"
        if not is_signed(body, headers.get("x-hub-signature-256", ""), self._secrets):
            return 401, "the signature is none of this receiver's secrets'"
        event, guid = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
        if not event or not guid or len(guid) > 100:
            return 400, "a webhook has the headers X-GitHub-Event and X-GitHub-Delivery"
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "set the webhook's content type to application/json"
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return 400, "the body is no JSON object"
        hint = hint_of(event, payload)
        return (202, "nothing to look at") if hint is None else self._keep(guid, hint)

    def _keep(self, guid: str, hint: Hint) -> tuple[int, str]:
        if not self._seen.add(guid):
            return 202, "taken before"
        if hint in self._waiting:
            self._waiting[hint].add(guid)
        elif len(self._waiting) >= self._max_waiting:
            self._seen.forget([guid])
            return 503, "too much is waiting: send it again later"
        else:
            self._waiting[hint] = {guid}
            self._new.release()
        return 202, "taken"

    async def _work(self) -> None:
        while True:
            await self._new.acquire()
            hint, guids = self._waiting.popitem(last=False)
            if not await self._nudged(hint):
                self._seen.forget(guids)

    async def _nudged(self, hint: Hint) -> bool:
        for number in range(_TRIES):
            try:
                await self._nudge(hint)
            except EngineError as error:
                _log.warning("%s; try %s of %s", error, number + 1, _TRIES)
                await asyncio.sleep(self._retry_delay * 2**number)
            except Exception:
                # One bad delivery must not stop those that come after it.
                _log.exception("a webhook could not be worked on")
                return False
            else:
                return True
        return False


async def _body(headers: Headers, receive: Receive) -> bytes | None:
    """Read the body as it was sent, or return ``None`` where it is too large."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        return None
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(chunks)
