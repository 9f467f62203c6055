"""A store for what is too large to travel through the engine: kept by content hash, so a repeat is free."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from perdure.errors import PerdureError
from perdure.model.actions import StoredObject


class ContentStore:
    """A folder of files that are named by the SHA-256 of their content."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is made when something is kept for the first time."""
        self._folder = folder

    def put(self, content: bytes) -> StoredObject:
        """Keep the content. Putting the same twice leaves one file."""
        digest = hashlib.sha256(content).hexdigest()
        target = self._path(digest)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            # Written beside and renamed: a crash leaves no half file under a digest that it does not have.
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as beside:
                beside.write(content)
                beside.flush()
                os.fsync(beside.fileno())
            Path(beside.name).replace(target)
        return StoredObject(sha256=digest, size=len(content))

    def put_json_over(self, limit: int, value: Mapping[str, JsonValue]) -> StoredObject | None:
        """Keep the value as JSON if it takes more than ``limit`` bytes, else return ``None``."""
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return self.put(content) if len(content) > limit else None

    def has(self, stored: StoredObject) -> bool:
        """Say whether it is here."""
        return self._path(stored.sha256).exists()

    def get(self, stored: StoredObject) -> bytes:
        """Return the content.

        Raises:
            PerdureError: It is not here, or not what it was.
        """
        try:
            content = self._path(stored.sha256).read_bytes()
        except FileNotFoundError:
            msg = f"the store {self._folder} has no object {stored.sha256}"
            raise PerdureError(msg, hint="use the store of the worker that kept it: [store] path") from None
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            msg = f"the store's object {stored.sha256} has been changed"
            raise PerdureError(msg, hint=f"restore {self._path(stored.sha256)} from a backup")
        return content

    def path_of(self, stored: StoredObject) -> Path:
        """Return the file that holds the content, for programs that read it themselves."""
        return self._path(stored.sha256).absolute()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest
