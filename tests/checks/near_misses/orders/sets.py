"""Sets whose order reaches nobody, and state of the workflow's own."""

import logging
from collections import Counter

from temporalio import workflow

_LOG = logging.getLogger(__name__)
_NAMES = frozenset({"a", "b"})
_SIZES = {"a": 1}


class _Hashed:
    def __hash__(self) -> int:
        return 1

    def hash(self, text: str) -> str:
        return text


@workflow.defn
class SetWorkflow:
    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._names: list[str] = []

    @workflow.run
    async def run(self, names: set[str], kept: dict[str, int]) -> list[object]:
        for name in sorted(names):  # fine: sorted
            await workflow.execute_activity("x", name, start_to_close_timeout=None)
        for name in names:  # fine: sums are the same in any order
            self._seen.add(name)
        total = 0
        for name in names | self._seen:  # fine: a sum
            total += len(name)
        for name in names:  # fine: found or not, in any order
            if name == "x":
                return []
        for name in dict.fromkeys(["a", "b"]):  # fine: a dict keeps its order
            await workflow.execute_activity("x", name, start_to_close_timeout=None)
        for name, size in kept.items():  # fine: a dict keeps its order
            self._names.append(name * size)
        ordered = list(names)  # fine: sorted below
        ordered.sort()
        return [
            "x" in names,  # fine: membership
            len(names),  # fine: a count
            max(names),  # fine: the same in any order
            sum(len(name) for name in names),  # fine: a sum
            any(name == "x" for name in names),  # fine: the same in any order
            sorted(name.upper() for name in names),  # fine: sorted
            sorted(list(names)),  # fine: sorted
            {name.upper() for name in names},  # fine: a set again
            Counter(list(names)),  # fine: counted
            set(names) == frozenset(list(_NAMES)),  # fine: compared as sets
            [name for name in sorted(_NAMES)],  # fine: sorted
            *sorted(names),  # fine: sorted
            ",".join(sorted(names)),  # fine: sorted
            _Hashed().hash("x"),  # fine: a method of that name
            self.id(),  # fine: a method of that name
        ]

    def id(self) -> int:
        sizes = dict(_SIZES)
        sizes["x"] = 2  # fine: a copy
        names: list[str] = []
        names.append("x")  # fine: a local list
        self._names.append("x")  # fine: the workflow's own
        _LOG.info("seen %s", names)  # fine: a log line
        workflow.logger.info("seen %s", names)  # fine: silent in a replay
        return len(_SIZES)
