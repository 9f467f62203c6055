"""What the checker knows of a program: modules, classes, functions, and what names stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

FunctionSyntax = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class How(Enum):
    """How a name came to stand for something."""

    IMPORT = "import"
    DEFINITION = "definition"
    VALUE = "value"
    ANNOTATION = "annotation"
    ITEM = "item"
    ENTERED = "entered"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a name is given a meaning."""

    how: How
    expression: ast.expr | None = None
    definition: Function | Class | None = None
    imported: tuple[str, str | None] = ("", None)
    position: tuple[int, ...] = ()
    """Which part of the value, of that part, and so on, where a tuple is unpacked."""


Names = dict[str, list[Binding]]


@dataclass(eq=False)
class Module:
    """A file of Python, parsed."""

    name: str
    path: Path
    shown: str
    tree: ast.Module
    own: bool
    """Whether it is the project's, not an installed package's."""
    lines: tuple[str, ...]
    names: Names = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    exempt: frozenset[int] = frozenset()
    """The lines that comments let through."""

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@dataclass(eq=False)
class Class:
    """A class statement."""

    name: str
    node: ast.ClassDef
    module: Module
    parent: Function | None = None
    names: Names = field(default_factory=dict)

    @cached_property
    def methods(self) -> dict[str, Function]:
        """Its functions by name; of several with one name the last, as Python takes it."""
        return {
            name: binding.definition
            for name, bindings in self.names.items()
            for binding in bindings
            if isinstance(binding.definition, Function)
        }

    def __str__(self) -> str:
        return f"{self.module.name}.{self.name}"


@dataclass(eq=False)
class Function:
    """A function, a method or a lambda."""

    name: str
    node: FunctionSyntax
    module: Module
    owner: Class | None = None
    parent: Function | None = None

    @property
    def decorators(self) -> list[ast.expr]:
        """The expressions after each ``@``."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list

    @property
    def body(self) -> list[ast.stmt] | list[ast.expr]:
        """Its statements, or the one expression of a lambda."""
        return [self.node.body] if isinstance(self.node, ast.Lambda) else self.node.body

    @property
    def is_async(self) -> bool:
        """Whether calling it makes a coroutine."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def parameters(self) -> list[ast.arg]:
        """Its parameters by position, then those by name."""
        of = self.node.args
        return [*of.posonlyargs, *of.args, *of.kwonlyargs]

    @cached_property
    def names(self) -> Names:
        """What the names in its body stand for, without its parameters."""
        # Here, because bindings make functions.
        from perdure.checks.determinism.bindings import names_of

        return names_of(self.body, Scope(self.module, self))

    def __str__(self) -> str:
        return f"{self.module.name}.{self.name}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands, and whose ``self`` it sees."""

    module: Module
    function: Function | None = None
    receiver: Class | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """Something of a library that is known by its dotted name alone."""

    name: str


@dataclass(frozen=True, slots=True)
class OutsideInstance:
    """An instance of such a class, with what it contains where that is known."""

    name: str
    items: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassObject:
    """A class itself, as a value."""

    of: Class


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a class that the checker has read."""

    of: Class


@dataclass(frozen=True, slots=True)
class FunctionObject:
    """A function as a value, with the class of the object that it is bound to."""

    of: Function
    receiver: Class | None = None


@dataclass(frozen=True, slots=True)
class ModuleObject:
    """A module as a value."""

    of: Module


@dataclass(frozen=True, slots=True)
class Super:
    """What ``super()`` returns in a class, for an object of a class below it."""

    above: Class
    receiver: Class


Value = Outside | OutsideInstance | ClassObject | Instance | FunctionObject | ModuleObject | Super


def inside(nodes: list[ast.stmt] | list[ast.expr]) -> Iterator[ast.AST]:
    """Yield the nodes of a body in order: definitions in it, and nothing that is in those."""
    stack: list[ast.AST] = list(reversed(nodes))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def last_name(expression: ast.expr) -> str:
    """Return the last part of a dotted expression, looking through a call and a subscript."""
    while isinstance(expression, ast.Call | ast.Subscript):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
