"""Finds who implements an abstract method: the project's classes below the one that only names it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perdure.checks.determinism.annotations import is_abstract
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.symbols import Class, Function


class Overrides:
    """The classes below abstract ones. A file is parsed only where it names the class above."""

    def __init__(self, inference: Inference, modules: Modules) -> None:
        self._inference = inference
        self._modules = modules
        self._below: dict[int, list[Class]] = {}

    def of(self, function: Function, receiver: Class | None) -> Iterator[tuple[Function, Class]]:
        """Yield the methods that may run in place of an abstract one."""
        owner = receiver or function.owner
        if owner is None or function.owner is None or not owner.module.own:
            return
        if not is_abstract(function.body):
            return
        method = function.name.rpartition(".")[2]
        for below in self.below(owner):
            if method in below.methods:
                yield below.methods[method], below

    def below(self, owner: Class) -> list[Class]:
        """Return the project's classes that inherit from one."""
        if id(owner) not in self._below:
            self._below[id(owner)] = list(self._search(owner))
        return self._below[id(owner)]

    def _search(self, owner: Class) -> Iterator[Class]:
        mention = re.compile(
            rf"^\s*class\s+\w+[^:\n]*\([^)]*\b{re.escape(owner.name.rpartition('.')[2])}\b", re.M
        )
        for path in self._modules.files():
            if not mention.search(self._modules.text(path)):
                continue
            module = self._modules.at(path)
            for bindings in module.names.values() if module else ():
                for made in (binding.definition for binding in bindings):
                    if isinstance(made, Class) and made is not owner and owner in self._inference.line(made):
                        yield made
