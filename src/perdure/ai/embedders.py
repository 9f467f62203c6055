"""The embedder that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from perdure.ai.embedding import Embedder, LexicalEmbedder
from perdure.ai.embedding_endpoints import EndpointEmbedder
from perdure.config import IndexSettings, resolve_secret


@asynccontextmanager
async def open_embedder(settings: IndexSettings) -> AsyncIterator[Embedder]:
    """Open the configured embedder: servers of a model, else the one that hashes words.

    Raises:
        SecretError: The key cannot be read.
    """
    embedder: Embedder = LexicalEmbedder()
    if settings.embedder_urls:
        key = resolve_secret(settings.embedder_key) if settings.embedder_key else None
        embedder = EndpointEmbedder(settings.embedder_urls, settings.embedder_model, key=key)
    try:
        yield embedder
    finally:
        await embedder.close()
