"""A server of embeddings on this machine: counts what it computes, and fails as it is told to."""

import asyncio
import contextlib
import socket
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODEL = "words-64"


@dataclass
class Failure:
    """An answer that is no vectors."""

    status: int
    body: object = "out of order"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class EmbeddingServer:
    """Serves ``/v1/embeddings``."""

    dimension: int = 64
    computed: Counter[str] = field(default_factory=Counter)
    """How often each text was embedded."""

    failures: list[Failure] = field(default_factory=list)
    """What the next requests get, in order."""

    holds_at: int | None = None
    """From so many texts on, requests wait and compute nothing, until it is ``None``."""

    held: int = 0
    """How many requests wait."""

    keys: set[str] = field(default_factory=set)
    requests: int = 0
    url: str = ""

    @property
    def total(self) -> int:
        return self.computed.total()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/embeddings", self._embed, methods=["POST"]),
                Route("/v1/models", self._models),
            ]
        )

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"data": [{"id": MODEL}]})

    async def _embed(self, request: Request) -> Response:
        self.requests += 1
        self.keys.add(request.headers.get("authorization", ""))
        asked = await request.json()
        if self.failures:
            failure = self.failures.pop(0)
            return JSONResponse(failure.body, failure.status, headers=failure.headers)
        if not await self._let_through(request):
            return Response(status_code=499)
        self.computed.update(asked["input"])
        rows = [{"index": n, "embedding": self._vector(text)} for n, text in enumerate(asked["input"])]
        return JSONResponse({"data": rows, "model": asked["model"]})

    async def _let_through(self, request: Request) -> bool:
        """Wait while requests are held; say whether the client is still there."""
        self.held += 1
        try:
            while self.holds_at is not None and self.total >= self.holds_at:
                if await request.is_disconnected():
                    return False
                await asyncio.sleep(0.01)
        finally:
            self.held -= 1
        return True

    def _vector(self, text: str) -> list[float]:
        seed = zlib.crc32(text.encode())
        return [((seed * (n + 1)) % 1009) / 1009 - 0.5 for n in range(self.dimension)]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def running_embedding_server(**changes: object) -> AsyncIterator[EmbeddingServer]:
    """Serve on a free port of this machine while the block runs."""
    embeddings = EmbeddingServer(**changes)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        embeddings.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        config = uvicorn.Config(
            embeddings.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                assert not task.done()
                await asyncio.sleep(0.005)
            yield embeddings
        finally:
            embeddings.holds_at = None
            server.should_exit = True
            await task
