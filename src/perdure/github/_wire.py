"""One HTTP exchange with GitHub's host: sent once, bounded in time and size, counted.

Nothing is repeated here. A client that repeats a POST by itself, after a lost answer, starts a second
release; so what is repeated is decided where it is known whether that is safe.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import httpx2

from perdure.errors import GitHubRefusedError
from perdure.github._answers import Answer
from perdure.github._requests import DownloadRefusedError, Sending, UnansweredError, route_of

USER_AGENT: Final = f"perdure/{version('perdure')}"
MAX_BODY_BYTES: Final = 20_000_000
"""A page of 100 runs is 1 to 2 MB."""

API_VERSIONS: Final = ("2026-03-10", "2022-11-28")
"""Newest first. GitHub Enterprise Server up to 3.20 knows the older one only."""

_ACCEPT = "application/vnd.github+json"
_TIMEOUT = httpx2.Timeout(connect=5.0, read=30.0, write=30.0, pool=10.0)
_EXCHANGE_SECONDS = 60.0
_DOWNLOAD_SECONDS = 120.0
_REDIRECTS = 3
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_BROKEN = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)


Watch = Callable[[str, str], AbstractContextManager[Callable[[int], None]]]
"""Given a method and a route, what stands around the request."""


class Wire:
    """Exchanges with one host. Knows nothing of credentials: they come with each request.

    Attributes:
        base_url: The API's address, without a slash at the end.
        api_version: The newest that this host took.
        clock_offset: GitHub's clock minus this machine's, learned from every answer.
        requests_sent: How often each method and route was asked.
        watch: Stands around each request, and is told its answer's status.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        guard: Callable[[httpx2.Request], Awaitable[None]] | None = None,
        max_body: int = MAX_BODY_BYTES,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.clock_offset = timedelta(0)
        self.api_version = API_VERSIONS[0]
        self.requests_sent: Counter[tuple[str, str]] = Counter()
        self.watch: Watch = _unwatched
        self._max_body = max_body
        host = httpx2.URL(base_url).host
        self._http = httpx2.AsyncClient(
            transport=transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            # For every transport, also those that the environment's proxies are.
            event_hooks={"request": [guard] if guard else []},
            headers={"User-Agent": USER_AGENT},
            # Proxies and certificates come from the environment, but for this machine itself.
            trust_env=not (host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")),
        )

    def path_of(self, url: str) -> str:
        """Return a URL that this host gave as a path: wherever it leads, tokens stay with the host."""
        target = httpx2.URL(url).raw_path.decode("ascii")
        return target.removeprefix(httpx2.URL(self.base_url).raw_path.decode("ascii").rstrip("/"))

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def now(self) -> datetime:
        """Return the time by GitHub's clock: a worker's own may be hours off."""
        return datetime.now(UTC) + self.clock_offset

    async def exchange(self, sending: Sending, headers: Mapping[str, str]) -> Answer:
        """Send one request and read its whole answer, whatever the status.

        A GET follows redirects on the same host, as renamed repositories answer. A request whose API version
        the host refuses was not carried out, and is sent in the next older one, for good.

        Raises:
            UnansweredError: There is no whole answer.
        """
        url = httpx2.URL(self.base_url + sending.path)
        asked = f"{sending.method} {url.path}"
        redirects = 0
        try:
            async with asyncio.timeout(_EXCHANGE_SECONDS):
                while True:
                    version = self.api_version
                    sent = {"X-GitHub-Api-Version": version, "Accept": _ACCEPT, **headers}
                    body = sending.json(version) if callable(sending.json) else sending.json
                    request = self._http.build_request(sending.method, url, headers=sent, json=body)
                    answer = await self._once(asked, request, sending.may_send)
                    if self._steps_down(answer, version):
                        continue
                    target = _redirect(url, answer) if sending.method == "GET" else None
                    if target is None or not _same_host(url, target) or redirects == _REDIRECTS:
                        return answer
                    redirects += 1
                    url = target
        except TimeoutError:
            msg = f"{asked}: no whole answer within {_EXCHANGE_SECONDS:.0f} s"
            raise UnansweredError(msg, sent=True) from None

    def _steps_down(self, answer: Answer, version: str) -> bool:
        if not _refuses_version(answer):
            return False
        older = API_VERSIONS[API_VERSIONS.index(version) + 1 :]
        if older and self.api_version == version:
            self.api_version = older[0]
        return bool(older)

    async def _once(
        self, asked: str, request: httpx2.Request, may_send: Callable[[], bool] | None = None
    ) -> Answer:
        if may_send is not None:
            _guard(asked, request, may_send)
        route = route_of(request.url.path)
        self.requests_sent[request.method, route] += 1
        with self.watch(request.method, route) as answered:
            async with self._open(asked, request) as response:
                body = await _read(asked, response, self._max_body)
            answered(response.status_code)
        answer = Answer(asked, response.status_code, response.headers, body)
        if answer.answered_at is not None:
            self.clock_offset = answer.answered_at - datetime.now(UTC)
        return answer

    @asynccontextmanager
    async def _open(self, asked: str, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
        try:
            response = await self._http.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()
        except _NOT_SENT as error:
            raise UnansweredError(f"{asked}: {_reason(error)}; nothing was sent", sent=False) from None
        except _BROKEN as error:
            raise UnansweredError(f"{asked}: {_reason(error)}", sent=True) from None

    @asynccontextmanager
    async def download(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a log or an artifact, which GitHub keeps elsewhere, as chunks of bytes.

        The place is named by a redirect that is itself the permission, for a minute, so that the
        ``Authorization`` header stays with GitHub:
        https://docs.github.com/rest/actions/artifacts#download-an-artifact

        Raises:
            UnansweredError: It could not be read.
            DownloadRefusedError: GitHub answered otherwise; has the answer.
        """
        url = httpx2.URL(self.base_url + path)
        asked = f"GET {url.path}"
        sent = {"X-GitHub-Api-Version": self.api_version, **headers}
        try:
            async with asyncio.timeout(_DOWNLOAD_SECONDS):
                for _ in range(_REDIRECTS):
                    request = self._http.build_request("GET", url, headers=sent)
                    self.requests_sent[
                        "GET", route_of(url.path) if "Authorization" in sent else "download"
                    ] += 1
                    async with self._open(asked, request) as response:
                        if response.is_success:
                            yield response.aiter_bytes()
                            return
                        body = await _read(asked, response, self._max_body)
                    answer = Answer(asked, response.status_code, response.headers, body)
                    target = _redirect(url, answer)
                    if target is None:
                        raise DownloadRefusedError(answer)
                    if not _same_host(url, target):
                        sent = {}
                    _check_download(asked, url, target)
                    url = target
                raise DownloadRefusedError(answer)
        except TimeoutError:
            raise UnansweredError(f"{asked}: not read within {_DOWNLOAD_SECONDS:.0f} s", sent=True) from None


@contextmanager
def _unwatched(_method: str, _route: str) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def _guard(asked: str, request: httpx2.Request, may_send: Callable[[], bool]) -> None:
    """Ask ``may_send`` once more when the connection stands: making one may have taken long."""

    async def trace(event: str, _: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            check()

    def check() -> None:
        if not may_send():
            raise UnansweredError(f"{asked}: too late to send it; nothing was sent", sent=False)

    check()
    request.extensions["trace"] = trace


def _refuses_version(answer: Answer) -> bool:
    # https://docs.github.com/rest/about-the-rest-api/api-versions
    if answer.status == 410:
        return "version" in answer.message
    return answer.status == 400 and "is not a supported version" in answer.message


def _redirect(url: httpx2.URL, answer: Answer) -> httpx2.URL | None:
    location = answer.headers.get("location")
    if answer.status not in {301, 302, 303, 307, 308} or not location:
        return None
    try:
        return url.join(location)
    except httpx2.InvalidURL:
        return None


def _same_host(url: httpx2.URL, target: httpx2.URL) -> bool:
    return (url.scheme, url.host, url.port) == (target.scheme, target.host, target.port)


def _check_download(asked: str, url: httpx2.URL, target: httpx2.URL) -> None:
    if target.scheme != "https" and url.scheme == "https":
        raise GitHubRefusedError(f"{asked} leads to an address without https")


async def _read(asked: str, response: httpx2.Response, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise UnansweredError(f"{asked}: the answer is larger than {max_bytes:,} bytes", sent=True)
        chunks.append(chunk)
    return b"".join(chunks)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}" + (f" ({error})" if str(error) else "")
