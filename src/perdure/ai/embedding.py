"""Embedders: what makes texts comparable by meaning, or, without a model, by their words."""

import asyncio
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from perdure.ai.words import words_of

Vectors = NDArray[np.float32]
"""One row of length 1 for each text."""


class Embedder(Protocol):
    """Computes a vector for each text. Vectors of different models are never compared."""

    @property
    def model(self) -> str:
        """What the index calls the model."""
        ...

    @property
    def batch_size(self) -> int:
        """How many texts it takes at once."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text.

        Raises:
            ModelUnavailableError: It does not answer, or asks to be left alone for a while.
            ModelRefusedError: It does not accept the key, the model's name or the texts.
            ModelAnswerError: What it answered are no such vectors.
        """
        ...

    async def health(self) -> str:
        """Say ``ok``, or what is wrong. Never raises."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class LexicalEmbedder:
    """Hashes words into vectors: offline, without a model, thousands of texts a second.

    Texts are near each other that share words. Together with a search by words it finds about as much as the
    words alone and ranks it better.
    """

    model = "lexical-1"
    batch_size = 512
    dimension = 1024

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text. Never fails."""
        return await asyncio.to_thread(self._embed, texts)

    async def health(self) -> str:
        """Nothing can be wrong."""
        return "ok"

    async def close(self) -> None:
        """Nothing is open."""

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word, count in Counter(words_of(text)).items():
                place, sign = _place(word)
                vectors[row, place % self.dimension] += sign * (1.0 + math.log(count))
        return unit_length(vectors)


def unit_length(vectors: Vectors) -> Vectors:
    """Return the vectors with length 1; what has no length stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return scaled


@lru_cache(maxsize=200_000)
def _place(word: str) -> tuple[int, float]:
    digest = zlib.crc32(word.encode())
    return digest >> 1, 1.0 if digest & 1 else -1.0
