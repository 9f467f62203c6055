"""A host whose answers a test writes down beforehand, for the real client."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from perdure.config import GitHubSettings
from perdure.github import GitHubClient, open_github_client

DATE = "Sun, 22 Nov 2026 04:00:00 GMT"
DOCS = "https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event"

Reply = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


def said(status: int, message: str, **headers: str) -> httpx2.Response:
    """Answer an error as GitHub does."""
    body = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return httpx2.Response(status, json=body, headers=named(headers))


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class ScriptedHost:
    """Answers each request with the next reply; the last one is repeated."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx2.Response) else reply(request)


class Broken(httpx2.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        raise httpx2.ReadError("reset by peer")


@asynccontextmanager
async def client_of(host: Any, url: str = "https://api.github.com") -> AsyncIterator[GitHubClient]:
    """Open the real client, with a plain token, on a scripted host."""
    settings = GitHubSettings(url=url, token="env:PATH")
    async with open_github_client(settings, transport=httpx2.MockTransport(host)) as client:
        yield client
