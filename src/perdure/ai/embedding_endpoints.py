"""Embedders behind OpenAI's API, which most servers of models speak.

https://platform.openai.com/docs/api-reference/embeddings
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx2
import numpy as np

from perdure.ai.embedding import Vectors, unit_length
from perdure.config import Secret
from perdure.errors import (
    ModelAnswerError,
    ModelContextError,
    ModelError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
)

LONGEST_TEXT: Final = 8_000
"""Characters of a text that are sent."""

_TIMEOUT = httpx2.Timeout(connect=5.0, read=60.0, write=30.0, pool=60.0)
_LEFT_ALONE_SECONDS = 30.0
_TRANSIENT = {408, 409, 425, 500, 502, 503, 504, 529}


@dataclass
class _Endpoint:
    url: str
    left_alone_until: float = 0.0


class EndpointEmbedder:
    """Asks one of several servers of the same model, the first one that answers.

    Nothing is repeated here: who waits for an outage is the engine.
    """

    batch_size = 64

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        *,
        key: Secret | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Use the servers in this order.

        Args:
            urls: Up to and with ``/v1``.
            model: What all of them call the model.
            key: The same for all of them.
            transport: Instead of the network.
        """
        self._endpoints = [_Endpoint(url.rstrip("/")) for url in urls]
        self._name = model
        self._dimension: int | None = None
        headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT, headers=headers, transport=transport)

    @property
    def model(self) -> str:
        """What the index calls the model: its name, wherever it is served."""
        return self._name

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text.

        Raises:
            ModelUnavailableError: None of the servers answers.
            ModelRefusedError: One of them does not accept the key, the model's name or the texts.
            ModelAnswerError: One of them answered something else than such vectors.
        """
        failure: ModelUnavailableError | None = None
        for endpoint in self._by_readiness():
            try:
                return await self._embed_at(endpoint, texts)
            except ModelUnavailableError as error:
                wait = error.retry_after_seconds
                endpoint.left_alone_until = time.monotonic() + (_LEFT_ALONE_SECONDS if wait is None else wait)
                if failure is None or (wait or 0) < (failure.retry_after_seconds or 0):
                    failure = error
        raise failure or ModelUnavailableError("no embedder is configured", model=self._name)

    async def health(self) -> str:
        """Say ``ok``, or why the first server that should be asked cannot be."""
        endpoint = self._by_readiness()[0]
        try:
            answer = await self._http.get(f"{endpoint.url}/models", timeout=5.0)
        except (httpx2.HTTPError, OSError) as error:
            return f"{endpoint.url}: {type(error).__name__}"
        return f"{endpoint.url}: status {answer.status_code}" if answer.status_code >= 500 else "ok"

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _by_readiness(self) -> list[_Endpoint]:
        now = time.monotonic()
        return sorted(self._endpoints, key=lambda endpoint: endpoint.left_alone_until > now)

    async def _embed_at(self, endpoint: _Endpoint, texts: Sequence[str]) -> Vectors:
        body = {"model": self._name, "input": [text[:LONGEST_TEXT] or " " for text in texts]}
        try:
            answer = await self._http.post(f"{endpoint.url}/embeddings", json=body)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise ModelUnavailableError(
                f"the embedder at {endpoint.url} does not answer: {type(error).__name__}", model=self._name
            ) from error
        if answer.status_code != HTTPStatus.OK:
            raise _error(answer, endpoint.url, self._name)
        return self._vectors(answer, endpoint, len(texts))

    def _vectors(self, answer: httpx2.Response, endpoint: _Endpoint, count: int) -> Vectors:
        try:
            rows = sorted(answer.json()["data"], key=lambda row: row["index"])
            vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelAnswerError(
                f"the embedder at {endpoint.url} answered without vectors", model=self._name
            ) from error
        dimension = vectors.shape[1] if vectors.ndim == 2 else 0
        if vectors.shape[0] != count or not dimension or not np.isfinite(vectors).all():
            raise ModelAnswerError(
                f"the embedder at {endpoint.url} answered {vectors.shape[0]} vectors for {count} texts,"
                " or some without numbers",
                model=self._name,
            )
        if self._dimension not in {None, dimension}:
            raise ModelAnswerError(
                f"{endpoint.url} gives vectors of {dimension} numbers, another server of {self._name} gave"
                f" {self._dimension}",
                model=self._name,
                hint="[index] embedder_urls must all serve the same model",
            )
        self._dimension = dimension
        return unit_length(vectors)


def _error(answer: httpx2.Response, url: str, model: str) -> ModelError:
    said = _said(answer)
    message = f"the embedder at {url} answered {answer.status_code}: {said}"
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelRateLimitedError(message, model=model, retry_after_seconds=_retry_after(answer))
    if answer.status_code in _TRANSIENT or answer.status_code >= 500:
        return ModelUnavailableError(message, model=model, retry_after_seconds=_retry_after(answer))
    if "context length" in said or "too long" in said:
        return ModelContextError(message, model=model, hint="use an embedder that takes longer texts")
    return ModelRefusedError(message, model=model, hint="check [index] embedder_model and embedder_key")


def _said(answer: httpx2.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return answer.text[:200]
    error = body.get("error", body) if isinstance(body, dict) else body
    return str(error.get("message", error) if isinstance(error, dict) else error)[:200]


def _retry_after(answer: httpx2.Response) -> float | None:
    with contextlib.suppress(ValueError):
        return max(0.0, float(answer.headers.get("retry-after", "")))
    return None
