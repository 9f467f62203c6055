"""Related code, found in the index."""

from collections.abc import Sequence

from perdure.ai.embedding import Embedder
from perdure.ai.index import ChunkIndex
from perdure.errors import ModelError
from perdure.model.review import RelatedChunk


class IndexedCode:
    """Looks for pieces of code in the index, by meaning and by words."""

    def __init__(self, index: ChunkIndex, embedder: Embedder) -> None:
        self._index = index
        self._embedder = embedder

    async def related(self, text: str, *, tree: str, limit: int) -> Sequence[RelatedChunk]:
        """Return the nearest pieces of a tree's code; by words alone where the embedder does not answer."""
        try:
            vector = await self._embedder.embed([text])
        except ModelError:
            vector = None
        found = await self._index.search(self._embedder.model, tree, text, vector, limit=limit)
        return [
            RelatedChunk(path=each.path, symbol=each.symbol, start_line=each.start_line, text=each.text)
            for each in found
        ]
