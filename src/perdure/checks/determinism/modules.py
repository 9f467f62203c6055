"""Finds and parses modules by name: the project's, and those of installed packages.

A module is read when something reachable needs it and never before, so a run costs what workflows use and not
what is installed. Nothing is imported: code that is checked does not run.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from perdure.checks.determinism.bindings import fill
from perdure.checks.determinism.exemptions import exempt_lines
from perdure.checks.determinism.symbols import Module

_SKIPPED = {".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__", "build", "dist"}


class Modules:
    """The modules of one run.

    Attributes:
        digests: The SHA-256 of every file that was read, by path.
        found: Where each name that was looked for was found.
        unreadable: Files of the project that are no Python, with the reason.
    """

    def __init__(self, paths: Sequence[Path], *, excluded: Sequence[Path] = ()) -> None:
        self._here = Path.cwd()
        self._excluded = [path.resolve() for path in excluded]
        self._paths = [path.resolve() for path in paths]
        self._roots = list(dict.fromkeys(_roots(self._paths, self._here)))
        installed = [Path(path).resolve() for path in sys.path if Path(path).is_dir()]
        self._libraries = [path for path in installed if path.name in {"site-packages", "dist-packages"}]
        # Where packages are that were installed to be edited; not Python itself, whose library is declared.
        self._others = [path for path in installed if Path(sys.base_prefix).resolve() not in path.parents]
        self._by_path: dict[Path, Module | None] = {}
        self._by_name: dict[str, Module | None] = {}
        self._texts: dict[Path, str] = {}
        self.digests: dict[Path, str] = {}
        self.found: dict[str, Path | None] = {}
        self.unreadable: list[tuple[str, int, str]] = []

    def files(self) -> Iterator[Path]:
        """Yield the Python files that are to be checked."""
        for path in self._paths:
            found = [path] if path.is_file() else _python_files(path)
            yield from (file for file in found if not any(map(file.is_relative_to, self._excluded)))

    def named(self, name: str, beside: Module | None = None) -> Module | None:
        """Return a module by its absolute name, or ``None`` where there is no source of it.

        Args:
            name: The dotted name.
            beside: The module that imports it: scripts import what lies next to them.
        """
        if name in self._by_name:
            return self._by_name[name]
        path = self.where(name)
        if path is None and beside is not None and beside.own:
            path = _module_file(beside.path.parent, name)
            return self.at(path, name) if path else None
        self._by_name[name] = self.at(path, name) if path else None
        return self._by_name[name]

    def where(self, name: str) -> Path | None:
        """Return the file of a module."""
        if name not in self.found:
            standard = name.partition(".")[0] in sys.stdlib_module_names
            places = () if standard else (*self._libraries, *self._others)
            candidates = (_module_file(root, name) for root in (*self._roots, *places))
            self.found[name] = next((path for path in candidates if path), None)
        return self.found[name]

    def at(self, path: Path, name: str | None = None) -> Module | None:
        """Return the module in a file, or ``None`` where it cannot be parsed."""
        path = path.resolve()
        if path not in self._by_path:
            self._by_path[path] = self._parse(path, name or self._name_of(path))
        return self._by_path[path]

    def text(self, path: Path) -> str:
        """Return a file's text, and remember that the result depends on it."""
        if path not in self._texts:
            content = path.read_bytes()
            self.digests[path] = hashlib.sha256(content).hexdigest()
            encoding, _ = tokenize.detect_encoding(iter(content.splitlines(keepends=True)).__next__)
            self._texts[path] = content.decode(encoding)
        return self._texts[path]

    def is_own(self, path: Path) -> bool:
        """Tell whether a file belongs to the project, not to an installed package."""
        if any(path.is_relative_to(place) for place in self._libraries):
            return False
        return any(path.is_relative_to(root) for root in (*self._roots, *self._paths))

    def shown(self, path: Path) -> str:
        """Return a path as people see it: from here, or from the folder of the installed packages."""
        for root in (*self._libraries, self._here):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.as_posix()

    def _parse(self, path: Path, name: str) -> Module | None:
        own = self.is_own(path)
        try:
            text = self.text(path)
            with warnings.catch_warnings():
                # What other people's code is warned of is not this command's to say.
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            if own:
                line = error.lineno or 1 if isinstance(error, SyntaxError) else 1
                self.unreadable.append((self.shown(path), line, str(error)))
            return None
        lines = tuple(text.splitlines()) if own else ()
        module = Module(name, path, self.shown(path), tree, own, lines)
        module.exempt = exempt_lines(tree, lines)
        fill(module)
        return module

    def _name_of(self, path: Path) -> str:
        parts = path.with_suffix("").parts if path.name != "__init__.py" else path.parent.parts
        roots = [root for root in self._roots if path.is_relative_to(root)]
        start = _package_root(path.parent)
        root = start if start in roots else min(roots, key=lambda root: len(root.parts), default=start)
        return ".".join(parts[len(root.parts) :]) or path.stem


def _roots(paths: Sequence[Path], here: Path) -> Iterator[Path]:
    for path in paths:
        folder = path if path.is_dir() else path.parent
        yield _package_root(folder)
        if (folder / "src").is_dir():
            yield folder / "src"
    yield here
    if (here / "src").is_dir():
        yield here / "src"


def _package_root(folder: Path) -> Path:
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _module_file(root: Path, name: str) -> Path | None:
    path = root.joinpath(*name.split("."))
    package = path / "__init__.py"
    if package.is_file():
        return package
    single = path.with_name(path.name + ".py")
    return single if single.is_file() else None


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in _SKIPPED and not path.is_symlink():
                yield from _python_files(path)
        elif path.suffix == ".py":
            yield path
