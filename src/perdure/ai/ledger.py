"""The account of what reviews cost: a file that all workers of a machine share.

What a call may cost at worst is written down before the call is made. A worker that is killed in the middle
leaves its reservation behind: nobody knows whether the provider did the work, so that it counts as spent.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from perdure.model.budgets import Account, BudgetDecision, Limit, Room, decide

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    review TEXT NOT NULL,
    organisation TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    settled INTEGER,
    expires_at REAL NOT NULL
)""",
    "CREATE INDEX IF NOT EXISTS calls_of_day ON calls (day, organisation)",
    "CREATE INDEX IF NOT EXISTS calls_of_review ON calls (review)",
    "CREATE INDEX IF NOT EXISTS open_calls ON calls (expires_at) WHERE settled IS NULL",
)
_SUMS = (
    "SELECT coalesce(sum(settled), 0), coalesce(sum(reserved) FILTER (WHERE settled IS NULL), 0) FROM calls "
)


@dataclass(frozen=True)
class Budgets:
    """What may be spent, in millionths of a US dollar; ``None`` is without limit."""

    review: int | None = None
    organisation: int | None = None
    day: int | None = None


@dataclass(frozen=True)
class Call:
    """A call that is about to be made.

    Attributes:
        call: What is asked of which model: the same for a call that is made again after a crash.
        worst: What it costs at most, in millionths of a US dollar.
        longest: After how long it is certainly over.
    """

    call: str
    review: str
    organisation: str
    model: str
    worst: int
    longest: timedelta


@dataclass(frozen=True)
class Reservation:
    """Whether a call may be made, and what to settle it by."""

    decision: BudgetDecision
    number: int | None = None


class Ledger:
    """Reserves and settles what calls cost."""

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        """Use a file, which is made when something is reserved for the first time."""
        self._file = file
        self._now = now

    async def reserve(self, call: Call, budgets: Budgets) -> Reservation:
        """Reserve what a call may cost, if there is room for it in all budgets."""
        return await asyncio.to_thread(self._reserve, call, budgets)

    async def settle(self, number: int, cost: int) -> None:
        """Say what a call really cost."""
        await asyncio.to_thread(self._settle, number, cost)

    async def spent(self, review: str) -> int:
        """Return what a review has cost so far, in millionths of a US dollar."""
        return await asyncio.to_thread(self._spent, review)

    def _reserve(self, call: Call, budgets: Budgets) -> Reservation:
        with self._open() as database:
            now = self._now()
            # The second condition: whoever makes the same call again knows that the one before is over.
            database.execute(
                "UPDATE calls SET settled = reserved WHERE settled IS NULL AND (expires_at < ? OR call = ?)",
                (now, call.call),
            )
            day = datetime.fromtimestamp(now, UTC).date().isoformat()
            decision = decide(call.worst, _accounts(database, call, budgets, day))
            if decision.room is not Room.YES:
                return Reservation(decision)
            cursor = database.execute(
                "INSERT INTO calls (call, review, organisation, day, model, reserved, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    call.call,
                    call.review,
                    call.organisation,
                    day,
                    call.model,
                    call.worst,
                    now + call.longest.total_seconds(),
                ),
            )
            return Reservation(decision, cursor.lastrowid)

    def _settle(self, number: int, cost: int) -> None:
        with self._open() as database:
            database.execute("UPDATE calls SET settled = ? WHERE id = ?", (cost, number))

    def _spent(self, review: str) -> int:
        with self._open() as database:
            row = database.execute(
                "SELECT coalesce(sum(coalesce(settled, reserved)), 0) FROM calls WHERE review = ?", (review,)
            ).fetchone()
        return int(row[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._file, timeout=60, isolation_level=None)
        try:
            # Immediate: two workers that both read first would both find room for the last cent.
            database.execute("BEGIN IMMEDIATE")
            try:
                for statement in _SCHEMA:
                    database.execute(statement)
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
        finally:
            database.close()


def _accounts(database: sqlite3.Connection, call: Call, budgets: Budgets, day: str) -> Sequence[Account]:
    asked = (
        (Limit.REVIEW, budgets.review, _SUMS + "WHERE review = ?", (call.review,)),
        (
            Limit.ORGANISATION,
            budgets.organisation,
            _SUMS + "WHERE day = ? AND organisation = ?",
            (day, call.organisation),
        ),
        (Limit.DAY, budgets.day, _SUMS + "WHERE day = ?", (day,)),
    )
    accounts = []
    for limit, allowed, query, values in asked:
        if allowed is not None:
            settled, reserved = database.execute(query, values).fetchone()
            accounts.append(Account(limit=limit, allowed=allowed, settled=settled, reserved=reserved))
    return accounts
