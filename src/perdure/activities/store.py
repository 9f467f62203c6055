"""A store for what is too large to travel through the engine: kept by content hash, so a repeat is free."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from perdure.errors import PerdureError
from perdure.model.actions import StoredObject

_DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Kept:
    """An object of a store: its digest, its size in bytes, and when it was last put."""

    digest: str
    size: int
    put_at: datetime


class StoreCipher(Protocol):
    """Encrypts what is kept."""

    def seal(self, content: bytes) -> bytes:
        """Return what is written."""
        ...

    def open(self, kept: bytes) -> bytes:
        """Return the content of what was written, encrypted or not."""
        ...


class ContentStore:
    """A folder of files that are named by the SHA-256 of their content."""

    def __init__(self, folder: Path, cipher: StoreCipher | None = None) -> None:
        """Use a folder.

        Args:
            folder: Made when something is kept for the first time.
            cipher: Encrypts what is written; the name stays that of the content.
        """
        self._folder = folder
        self._cipher = cipher

    def put(self, content: bytes) -> StoredObject:
        """Keep the content. Putting the same twice leaves one file."""
        digest = hashlib.sha256(content).hexdigest()
        target = self._path(digest)
        try:
            # Whoever clears the store takes what is old: this is needed again.
            os.utime(target)
        except FileNotFoundError:
            _write(target, self._cipher.seal(content) if self._cipher else content)
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
            kept = self._path(stored.sha256).read_bytes()
        except FileNotFoundError:
            msg = f"the store {self._folder} has no object {stored.sha256}"
            raise PerdureError(msg, hint="use the store of the worker that kept it: [store] path") from None
        content = self._cipher.open(kept) if self._cipher else kept
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            msg = f"the store's object {stored.sha256} has been changed"
            raise PerdureError(msg, hint=f"restore {self._path(stored.sha256)} from a backup")
        return content

    def path_of(self, stored: StoredObject) -> Path:
        """Return a file that holds the content as it is, for programs that read it themselves."""
        path = self._path(stored.sha256)
        if self._cipher is not None:
            content = self.get(stored)
            if content != path.read_bytes():
                path = self._folder / "readable" / stored.sha256
                _write(path, content)
        return path.absolute()

    def kept(self) -> Iterator[Kept]:
        """Yield what is here, but for what is only half written."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if len(path.name) == _DIGEST_LENGTH:
                with contextlib.suppress(FileNotFoundError):
                    facts = path.stat()
                    yield Kept(path.name, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def remove(self, digest: str, *, unless_needed_since: datetime) -> bool:
        """Delete an object that nobody has put since, and say whether it was deleted."""
        path = self._path(digest)
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) > unless_needed_since:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed: a crash leaves no half file under a digest that it does not have.
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as beside:
        beside.write(content)
        beside.flush()
        os.fsync(beside.fileno())
    Path(beside.name).replace(target)
