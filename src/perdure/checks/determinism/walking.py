"""Walks from a workflow's handlers to everything that they run, the shortest way first."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from perdure.checks.determinism.bodies import Body, Site, body_of
from perdure.checks.determinism.calls import Calls, Edge
from perdure.checks.determinism.exemptions import exempts, exempts_function
from perdure.checks.determinism.findings import Place, Step
from perdure.checks.determinism.symbols import Class, Function, Scope

_DEEPEST_IN_LIBRARIES = 12

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Visit:
    """A function that is reached, and from where."""

    function: Function
    receiver: Class | None
    caller: Visit | None = None
    at: ast.AST | None = None
    """Where the caller runs it."""
    depth_in_libraries: int = 0
    entered_at: int = 0
    """The place where the project has called the library that it is in; 0 in the project."""

    @property
    def key(self) -> Key:
        """What makes it another function's visit, or that of an object of another class."""
        return id(self.function), id(self.receiver)

    @property
    def scope(self) -> Scope:
        """The scope of its body."""
        return Scope(self.function.module, self.function, self.receiver)

    @property
    def way(self) -> list[Visit]:
        """The visits from the handler to this one."""
        visits: list[Visit] = [self]
        while (caller := visits[-1].caller) is not None:
            visits.append(caller)
        return visits[::-1]


class Walk:
    """One walk: each function once for each class of its ``self``."""

    def __init__(self, calls: Calls, *, follow_unrestricted: bool, allowed: Iterable[str] = ()) -> None:
        self._calls = calls
        self._follow_unrestricted = follow_unrestricted
        self._allowed = tuple(allowed)
        self._libraries: dict[Key, tuple[Body, tuple[Edge, ...]]] = {}

    def visits(self, starts: Iterable[tuple[Function, Class | None]]) -> Iterator[tuple[Visit, Body]]:
        """Yield everything that the starts reach, with its body; the nearest first."""
        waiting = deque(Visit(function, receiver) for function, receiver in starts)
        seen = {(visit.key, 0) for visit in waiting}
        while waiting:
            visit = waiting.popleft()
            if self._passes(visit):
                continue
            body, edges = self._read(visit)
            yield visit, body
            for edge in edges:
                following = self._follow(visit, edge)
                # A library's function counts once for each place where the project enters the library.
                if following is not None and (key := (following.key, following.entered_at)) not in seen:
                    seen.add(key)
                    waiting.append(following)

    def _read(self, visit: Visit) -> tuple[Body, Iterable[Edge]]:
        if visit.function.module.own:
            body = self._seen_of(visit.function)
            return body, self._calls.edges(body, visit.scope)
        if visit.key not in self._libraries:
            body = self._seen_of(visit.function)
            self._libraries[visit.key] = (body, tuple(self._calls.edges(body, visit.scope)))
        return self._libraries[visit.key]

    def _passes(self, visit: Visit) -> bool:
        if visit.caller is None:
            # A comment at the head of a handler is about its signature: the rest of it is why one checks.
            return False
        name = str(visit.function)
        if any(name == allowed or name.startswith(f"{allowed}.") for allowed in self._allowed):
            return True
        return exempts_function(visit.function)

    def _seen_of(self, function: Function) -> Body:
        body = body_of(function)
        return Body(function, tuple(site for site in body.sites if self._counts(site, function)))

    def _counts(self, site: Site, function: Function) -> bool:
        if site.unrestricted and not self._follow_unrestricted:
            return False
        return not exempts(function.module, site.node)

    def _follow(self, visit: Visit, edge: Edge) -> Visit | None:
        depth = 0 if edge.callee.module.own else visit.depth_in_libraries + 1
        if depth > _DEEPEST_IN_LIBRARIES:
            return None
        entered_at = 0 if depth == 0 else visit.entered_at or id(edge.site.node)
        return Visit(edge.callee, edge.receiver, visit, edge.site.node, depth, entered_at)


def place_of(function: Function, node: ast.AST) -> Place:
    """Return where a node stands."""
    line = getattr(node, "lineno", getattr(function.node, "lineno", 1))
    return Place(function.module.shown, line, getattr(node, "col_offset", 0) + 1)


def steps(visit: Visit, node: ast.AST) -> tuple[Step, ...]:
    """Return the way to a node: each function, and where it goes on."""
    way = visit.way
    ends = [*(following.at for following in way[1:]), node]
    return tuple(
        Step(
            here.function.name if here.function.module.own else str(here.function),
            place_of(here.function, end or node),
        )
        for here, end in zip(way, ends, strict=True)
    )
