"""Orders that come from sets, state that outlives a workflow, and asyncio that is not Temporal's."""

import asyncio
from collections import defaultdict
from datetime import timedelta

from temporalio import workflow

SEEN: list[str] = []
COUNTS = defaultdict(int)
LAST = ""
LIMIT = timedelta(seconds=5)


class Board:
    entries: list[str] = []
    best = 0

    def add(self, entry: str) -> None:
        self.entries.append(entry)  # expect: global-state

    @classmethod
    def win(cls, score: int) -> None:
        cls.best = score  # expect: global-state


@workflow.defn
class SetWorkflow:
    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._board = Board()

    @workflow.run
    async def run(self, names: set[str], others: frozenset[str]) -> list[str]:
        for name in names:  # expect: unordered
            await workflow.execute_activity("greet", name, start_to_close_timeout=LIMIT)
        for place, name in enumerate(self._waiting):  # expect: unordered
            if place:
                break
        await asyncio.gather(*(self._one(name) for name in names | others))  # expect: unordered
        await asyncio.gather(*[self._one(name) for name in {"a", "b"}])  # expect: unordered
        by_name = {name: len(name) for name in names}
        for name, size in by_name.items():  # expect: unordered
            await self._one(name * size)
        await self._one(",".join(names - others))  # expect: unordered
        first = names.pop()  # expect: unordered
        ordered = list(self._waiting)  # expect: unordered
        return [first, *ordered, *others]  # expect: unordered

    async def _one(self, name: str) -> None:
        global LAST
        LAST = name  # expect: global-state
        SEEN.append(name)  # expect: global-state
        COUNTS[name] += 1  # expect: global-state
        Board.best = 3  # expect: global-state
        self._board.add(name)
        Board.win(2)

    @workflow.signal
    async def loops(self) -> None:
        task = asyncio.create_task(self._one("x"))
        await asyncio.wait([task])  # expect: asyncio
        for done in asyncio.as_completed([task]):  # expect: asyncio
            await done
        await asyncio.to_thread(sum, [1])  # expect: asyncio
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sum, [1])  # expect: asyncio
        await asyncio.create_subprocess_exec("ls")  # expect: asyncio
        await asyncio.open_connection("x", 1)  # expect: asyncio
