"""Answers kept for conditional requests, which cost no quota while nothing changes.

An ETag belongs to the token that fetched it, so that answers are kept by token and URL:
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
"""

import hashlib
from collections import OrderedDict
from dataclasses import replace

from perdure.github._answers import Answer


class EtagCache:
    """The answers used last, up to a number of bytes."""

    def __init__(self, *, max_bytes: int = 32_000_000, max_answers: int = 2_000) -> None:
        self._max_bytes = max_bytes
        self._max_answers = max_answers
        self._bytes = 0
        self._answers: OrderedDict[tuple[bytes, str], Answer] = OrderedDict()

    def etag(self, token: str, url: str) -> str | None:
        """Return what to send as ``If-None-Match``."""
        kept = self._answers.get(_key(token, url))
        return kept.headers["etag"] if kept else None

    def settle(self, token: str, url: str, answer: Answer) -> Answer:
        """Return the answer to work with: the one kept, where GitHub says that it still holds."""
        key = _key(token, url)
        if answer.status == 304 and (kept := self._answers.get(key)) is not None:
            self._answers.move_to_end(key)
            return replace(kept, asked=answer.asked)
        if answer.status == 200 and "etag" in answer.headers:
            self._keep(key, answer)
        return answer

    def _keep(self, key: tuple[bytes, str], answer: Answer) -> None:
        self._drop(key)
        self._answers[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._max_bytes or len(self._answers) > self._max_answers:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: tuple[bytes, str]) -> None:
        if (dropped := self._answers.pop(key, None)) is not None:
            self._bytes -= len(dropped.body)


def _key(token: str, url: str) -> tuple[bytes, str]:
    return hashlib.sha256(token.encode()).digest(), url
