"""The state file: every record as JSON in one SQLite table.

Writes are gathered and committed together a moment later, because a run changes some thirty times in its life
and two hundred may run at once. Whatever a client has been told must survive a kill, so an endpoint that
creates something calls `flush` before it answers.
"""

import asyncio
import fcntl
import sqlite3
from pathlib import Path
from typing import IO, TypeVar

from perdure.emulator.records import Record

FLUSH_DELAY = 0.05
SCHEMA = 1

R = TypeVar("R", bound=Record)


class StateInUseError(Exception):
    """Another emulator works in the state folder, or a newer one has written it."""


class Store:
    """Records in ``FOLDER/state.sqlite``, for one emulator at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = _lock(folder)
        self._db = sqlite3.connect(folder / "state.sqlite", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA:
            raise StateInUseError(
                f"{folder} was written by a newer version (schema {found}, this one: {SCHEMA})"
            )
        self._db.execute(f"PRAGMA user_version={SCHEMA}")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (kind TEXT, id INTEGER, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self._pending: dict[tuple[str, int], Record | None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def load(self, kind: type[R]) -> list[R]:
        """Return every record of this kind, by id."""
        rows = self._db.execute("SELECT body FROM record WHERE kind = ? ORDER BY id", (kind.kind,))
        return [kind.model_validate_json(body) for (body,) in rows]

    def put(self, record: Record) -> None:
        """Write the record soon, as it is then."""
        self._pending[(record.kind, record.id)] = record
        self._schedule()

    def delete(self, record: Record) -> None:
        """Forget the record soon."""
        self._pending[(record.kind, record.id)] = None
        self._schedule()

    def flush(self) -> None:
        """Write what is pending now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        pending = self._pending
        written = [(key[0], key[1], record.model_dump_json()) for key, record in pending.items() if record]
        deleted = [key for key, record in pending.items() if record is None]
        # Leaving the block commits; an error, such as a full disk, rolls back and keeps what is pending.
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", written)
            self._db.executemany("DELETE FROM record WHERE kind = ? AND id = ?", deleted)
        self._pending = {}

    def close(self) -> None:
        """Write what is pending and let another emulator in."""
        self.flush()
        self._db.close()
        self._lock.close()

    def _schedule(self) -> None:
        if self._timer is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            self._timer = loop.call_later(FLUSH_DELAY, self._flush_later)

    def _flush_later(self) -> None:
        self._timer = None
        self.flush()


def _lock(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StateInUseError(f"another emulator is working in {folder}") from error
    return lock
