"""What is known of libraries without reading them: the standard library, and packages that reach the world.

The knowledge itself is in ``declarations.toml``. An entry covers its name and all below it, and the longest
entry that fits wins. What has no entry is deterministic in the standard library, and read in a package.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


class Declarations:
    """Which rule a name of a library breaks.

    Args:
        deny: Names that a project declares non-deterministic.
        allow: Names that it declares deterministic.
    """

    def __init__(self, *, deny: tuple[str, ...] = (), allow: tuple[str, ...] = ()) -> None:
        self._entries = _entries()
        self._own: dict[str, str | None] = {**dict.fromkeys(deny, "declared"), **dict.fromkeys(allow)}

    def rule_of(self, name: str) -> str | None:
        """Return the rule that using a name breaks, or ``None``."""
        found = _longest(name, self._own)
        return self._own[found] if found else self._entries.get(_longest(name, self._entries) or "")

    def knows(self, name: str) -> bool:
        """Tell whether a name is declared, so that its source need not be read."""
        return self.declared(name) or _longest(name, self._entries) is not None

    def declared(self, name: str) -> bool:
        """Tell whether the project itself has declared a name, one way or the other."""
        return _longest(name, self._own) is not None

    def called(self, name: str, call: ast.Call) -> str | None:
        """Return the rule that a call breaks: some functions are safe with the right arguments."""
        needed = _tables()["safe-with"].get(name)
        if needed is None or self.declared(name):
            return self.rule_of(name)
        given = len(call.args) + len(call.keywords)
        starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        return None if starred or given >= int(needed["arguments"]) else str(needed["otherwise"])


def returned_by(name: str) -> str:
    """Return the class of what calling a library's function or class gives."""
    return str(_tables()["returns"].get(name, name))


@cache
def _tables() -> dict[str, Any]:
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _entries() -> dict[str, str | None]:
    entries: dict[str, str | None] = {}
    for table in ("packages", "standard-library"):
        for rule, names in _tables()[table].items():
            entries.update(dict.fromkeys(names, rule))
    entries.update(dict.fromkeys(_tables()["deterministic"]))
    return entries


def _longest(name: str, entries: Mapping[str, object]) -> str | None:
    while name and name not in entries:
        name = name.rpartition(".")[0]
    return name or None
