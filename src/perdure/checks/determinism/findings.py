"""What a check finds, and the way to it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from perdure.checks.determinism.rules import RULES, Rule


@dataclass(frozen=True, slots=True)
class Hazard:
    """A mistake in one function, before it is known from where it is reached."""

    rule: str
    node: ast.AST
    what: str
    """What is done, as the end of a sentence: ``calls time.time()``."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file: lines and columns from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Step:
    """One function on the way from a workflow to a mistake, and where it goes on to the next."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake, where it was made, and how a workflow gets there."""

    rule_id: str
    place: Place
    what: str
    workflow: str
    """The handler of a workflow that reaches it first, or the class where it is about that."""
    chain: tuple[Step, ...]
    others: int = 0
    """How many other handlers reach the same place."""

    @property
    def rule(self) -> Rule:
        """The rule that it breaks."""
        return RULES[self.rule_id]

    @property
    def message(self) -> str:
        """One sentence: what happens there, and for whom."""
        doer = self.chain[-1].name if self.chain else self.workflow
        if doer == self.workflow:
            return f"{doer} {self.what}"
        return f"{doer} {self.what}, and {self.workflow} gets there"
