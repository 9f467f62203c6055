"""Finds every ``workflow.patched`` in the code, and the workflow types that may reach it.

A call inside a workflow's class is that workflow's. One in a function or a base class may be reached by every
workflow whose module imports it, however indirectly, so it is counted for all of them: a patch that is kept
for too long costs a branch, one that goes too early gets workflows stuck.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from perdure.checks.named_workflows import name_of
from perdure.errors import UsageError
from perdure.model.base import Model


class Call(StrEnum):
    """The two calls that a patch goes through in its life."""

    PATCHED = "patched"
    DEPRECATED = "deprecate_patch"


class PatchCall(Model):
    """One place in the code.

    Attributes:
        id: The patch's; empty where it is made at run time.
        workflow_types: That may get there.
    """

    id: str
    call: Call
    file: str
    line: int
    workflow_types: tuple[str, ...] = ()


@dataclass
class _Source:
    """What one file says."""

    path: Path
    imports: set[str] = field(default_factory=set)
    calls: list[tuple[str, Call, int, str | None]] = field(default_factory=list)
    """Id, call, line, and the name of the class of a workflow that it stands in."""
    workflows: dict[str, str] = field(default_factory=dict)
    """Names of the classes of workflows, and what each is registered as."""


def find_patches(workflow_types: Sequence[type], paths: Sequence[Path] = ()) -> list[PatchCall]:
    """Return every call, in the order of files and lines.

    Args:
        workflow_types: Whose modules are looked through, with what they import of their own package.
        paths: Files and folders that are looked through besides, without being imported.

    Raises:
        UsageError: A path is not there, or a file is no Python.
    """
    reached: dict[Path, set[str]] = {}
    for workflow_type in workflow_types:
        name = name_of(workflow_type)
        for path in _closure(workflow_type.__module__):
            reached.setdefault(path, set()).update([name] if name else [])
    beside = sorted({found.resolve() for path in paths for found in _python_files(path)})
    theirs = {name for path in beside for name in _source(path).workflows.values()}
    for path in beside:
        reached.setdefault(path, set()).update(theirs)
    return [call for path in sorted(reached) for call in _calls(_source(path), reached[path])]


def _calls(source: _Source, reached_by: Iterable[str]) -> Iterator[PatchCall]:
    for id, call, line, owner in source.calls:
        types = {source.workflows[owner]} if owner is not None else set(reached_by)
        yield PatchCall(
            id=id, call=call, file=str(source.path), line=line, workflow_types=tuple(sorted(types))
        )


def _closure(module: str) -> set[Path]:
    """Return the files of a module and of all that it imports of its own package."""
    package = module.partition(".")[0]
    seen: set[Path] = set()
    open_modules = [module]
    while open_modules:
        name = open_modules.pop()
        path = _file_of(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        open_modules += [one for one in _source(path, name).imports if one.partition(".")[0] == package]
    return seen


@cache
def _file_of(module: str) -> Path | None:
    """Return where a module's source is, without importing it."""
    package, *rest = module.split(".")
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None and loaded.endswith(".py"):
        return Path(loaded).resolve()
    spec = find_spec(package)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin).resolve() if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder).joinpath(*rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path.resolve()
    return None


@cache
def _source(path: Path, module: str = "") -> _Source:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as Python: {error}", hint="leave it out, or mend it"
        ) from error
    source = _Source(path)
    _Reader(source, module).visit(tree)
    return source


class _Reader(ast.NodeVisitor):
    """Collects imports, classes of workflows and calls of patches."""

    def __init__(self, source: _Source, module: str) -> None:
        self._source = source
        self._package = module if source.path.name == "__init__.py" else module.rpartition(".")[0]
        self._names: dict[str, str] = {}
        self._constants: dict[str, str] = {}
        self._owner: str | None = None

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._source.imports.add(alias.name)
            bound = alias.asname or alias.name.partition(".")[0]
            self._names[bound] = alias.name if alias.asname else bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self._package.split(".")
            parents = parts[: len(parts) - node.level + 1]
            module = ".".join([*parents, *([module] if module else [])])
        for alias in node.names:
            self._source.imports.update({module, f"{module}.{alias.name}"})
            self._names[alias.asname or alias.name] = f"{module}.{alias.name}"

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._constants[target.id] = node.value.value
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer = self._owner
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self._full_name(called) == "temporalio.workflow.defn":
                self._owner = node.name
                self._source.workflows[node.name] = _registered_name(decorator) or node.name
        self.generic_visit(node)
        self._owner = outer

    def visit_Call(self, node: ast.Call) -> None:
        module, _, function = self._full_name(node.func).rpartition(".")
        if module == "temporalio.workflow" and function in set(Call):
            given = [*node.args, *(word.value for word in node.keywords if word.arg == "id")]
            id = self._text_of(given[0]) if given else ""
            self._source.calls.append((id, Call(function), node.lineno, self._owner))
        self.generic_visit(node)

    def _full_name(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._full_name(node.value)}.{node.attr}"
        return self._names.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    def _text_of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self._constants.get(node.id, "") if isinstance(node, ast.Name) else ""


def _registered_name(decorator: ast.expr) -> str | None:
    if not isinstance(decorator, ast.Call):
        return None
    named: Mapping[str | None, ast.expr] = {word.arg: word.value for word in decorator.keywords}
    name = named.get("name")
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def _python_files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from path.rglob("*.py")
    elif path.is_file():
        yield path
    else:
        raise UsageError(f"{path} is not there", hint="name files or folders of Python code")
