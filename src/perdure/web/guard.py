"""What stands before every route: who may be asked for, from where, and how much may be sent."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.web.problems import problem

OWN_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY = 64 * 1024

_TOO_LARGE = "more was sent than any request needs"
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests that were not meant for this gateway.

    A page on the web can make a browser ask any address, this machine's included. By a name of its own that
    leads here it could also read the answers (DNS rebinding), so the ``Host`` has to be known, and so has the
    ``Origin`` where a browser tells it.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str] = (), larger: Mapping[str, int] | None = None
    ) -> None:
        """Let requests through that ask for one of the hosts, or for this machine.

        Args:
            app: What answers.
            hosts: Names beside localhost.
            larger: How many bytes may be sent to paths that take more than others.
        """
        self._app = app
        self._larger = larger or {}
        self._hosts = OWN_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._larger.get(scope["path"], MAX_BODY)
        refusal = self._refusal(headers, limit)
        if refusal is not None:
            await problem(*refusal)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, limit), _with_headers(send))

    def _refusal(self, headers: Headers, limit: int) -> tuple[int, str] | None:
        if not self._is_known(f"//{headers.get('host', '')}"):
            return 421, "this gateway is not known by that name: see hosts in [approvals]"
        origin = headers.get("origin")
        if origin is not None and not self._is_known(origin):
            return 403, "this gateway does not answer pages of other sites"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return 413, _TOO_LARGE
        return None

    def _is_known(self, address: str) -> bool:
        try:
            host = urlsplit(address).hostname or ""
        except ValueError:
            return False
        return host.lower() in self._hosts


def _bounded(receive: Receive, limit: int) -> Receive:
    left = limit

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            # Of all errors that reading a body may raise, FastAPI passes on these alone.
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers
