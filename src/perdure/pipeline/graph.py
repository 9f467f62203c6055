"""What needs what: the order of steps, and circles in it."""

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from perdure.model.words import did_you_mean
from perdure.pipeline._base import Problem
from perdure.pipeline.steps import StepBase


class StepGraph:
    """The steps of a pipeline and what each needs.

    Attributes:
        order: Steps, each after those that it needs and otherwise in the order of the file; without those
            that are part of a circle or behind one.
        circles: Steps that need each other in a circle, each named from the first of the file.
    """

    def __init__(self, steps: Mapping[str, StepBase]) -> None:
        self._steps = steps
        self._positions: Final = {name: position for position, name in enumerate(steps)}
        self._needs: Final = {
            name: tuple(dict.fromkeys(need for need in step.needs if need in steps))
            for name, step in steps.items()
        }
        self._dependents: dict[str, list[str]] = {name: [] for name in steps}
        for name, needs in self._needs.items():
            for need in needs:
                self._dependents[need].append(name)
        self.order: Final = self._sorted()
        self._upstream: Final = self._closures()
        self.circles: Final = self._find_circles()

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the steps that it needs itself, each once."""
        return self._needs[name]

    def dependents(self, name: str) -> tuple[str, ...]:
        """Return the steps that need it themselves."""
        return tuple(self._dependents[name])

    def is_upstream(self, earlier: str, later: str) -> bool:
        """Say whether ``later`` needs ``earlier``, directly or through others."""
        if later not in self._upstream:
            return True  # its order is a circle's, which is said elsewhere
        return bool(self._upstream[later] >> self._positions[earlier] & 1)

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the needs."""
        for name, step in self._steps.items():
            seen: set[str] = set()
            for position, need in enumerate(step.needs):
                path = ("steps", name, "needs", position)
                if need == name:
                    yield Problem(path, f"{name} cannot need itself")
                elif need not in self._steps:
                    near = did_you_mean(need, self._steps) or f": the steps are {_some(self._steps)}"
                    yield Problem(path, f"unknown step {need!r}{near}", about=("steps", need))
                elif need in seen:
                    yield Problem(path, f"{need} is named twice: leave one of them out")
                seen.add(need)
        for circle in self.circles:
            if len(circle) > 1:
                way = " -> ".join((*circle, circle[0]))
                yield Problem(("steps", circle[0], "needs"), f"the needs go in a circle: {way}")

    def _sorted(self) -> tuple[str, ...]:
        waiting = {name: len(needs) for name, needs in self._needs.items()}
        ready = [self._positions[name] for name, count in waiting.items() if count == 0]
        names = list(self._steps)
        heapq.heapify(ready)
        order: list[str] = []
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(name)
            for dependent in self._dependents[name]:
                waiting[dependent] -= 1
                if waiting[dependent] == 0:
                    heapq.heappush(ready, self._positions[dependent])
        return tuple(order)

    def _closures(self) -> dict[str, int]:
        # One bit for each step: sets would take gigabytes for a chain of thousands of steps.
        closures: dict[str, int] = {}
        for name in self.order:
            closure = 0
            for need in self._needs[name]:
                closure |= closures[need] | 1 << self._positions[need]
            closures[name] = closure
        return closures

    def _find_circles(self) -> list[tuple[str, ...]]:
        left = [name for name in self._steps if name not in self._upstream]
        circles: list[tuple[str, ...]] = []
        reported: set[str] = set()
        for start in left:
            circle = () if start in reported else self._circle_through(start, set(left) - reported)
            reported.update(circle)
            if circle:
                circles.append(circle)
        return circles

    def _circle_through(self, start: str, among: set[str]) -> tuple[str, ...]:
        came_from: dict[str, str] = {}
        waiting = deque([start])
        while waiting:
            name = waiting.popleft()
            for need in self._needs[name]:
                if need == start:
                    circle = [name]
                    while circle[-1] != start:
                        circle.append(came_from[circle[-1]])
                    return tuple(reversed(circle))
                if need in among and need not in came_from:
                    came_from[need] = name
                    waiting.append(need)
        return ()


def _some(names: Mapping[str, object]) -> str:
    shown = list(names)[:10]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
