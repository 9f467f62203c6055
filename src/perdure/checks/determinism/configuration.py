"""Reads what a project says about itself: ``[tool.perdure.determinism]``, or ``perdure-check.toml``."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from perdure.checks.determinism.rules import RULES
from perdure.errors import SettingsError

_FILE = "perdure-check.toml"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a project declares.

    Attributes:
        allow: Functions, classes, modules and packages that are deterministic, by dotted name.
        deny: Those that are not. The longer name wins.
        skip: Rules that are not checked.
        exclude: Files and folders that are not searched for workflows, from the file's folder.
        failures: Exceptions that fail a workflow, besides those registered where the checker sees it.
        roots: Functions and classes that workflows elsewhere call: a library's own.
        follow_unrestricted: Whether code under ``workflow.unsafe.sandbox_unrestricted()`` is checked as well.
        source: The file that says so.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    follow_unrestricted: bool = False
    source: Path | None = None

    @property
    def excluded(self) -> tuple[Path, ...]:
        """What is not searched for workflows, as paths."""
        folder = self.source.parent if self.source else Path.cwd()
        return tuple(folder / name for name in self.exclude)


def load_configuration(start: Path, file: Path | None = None) -> Configuration:
    """Read the nearest file that declares something, from a folder upwards.

    Args:
        start: Where the search begins.
        file: The file to take instead.

    Raises:
        SettingsError: If it cannot be read, or says what nobody understands.
    """
    if file is not None:
        return _read(file)
    for folder in (start, *start.parents):
        if (folder / _FILE).is_file():
            return _read(folder / _FILE)
        project = folder / "pyproject.toml"
        if project.is_file():
            return _read(project)
    return Configuration()


def _read(file: Path) -> Configuration:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    table: object = content
    if file.name == "pyproject.toml":
        for key in ("tool", "perdure", "determinism"):
            table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: [tool.perdure.determinism] is no table")
    follow = table.pop("follow-unrestricted", False)
    if not isinstance(follow, bool):
        raise SettingsError(f"{file}: follow-unrestricted takes true or false")
    names = {key: _names(file, key, value) for key, value in table.items()}
    return Configuration(
        allow=names.get("allow", ()),
        deny=names.get("deny", ()),
        skip=names.get("skip", ()),
        exclude=names.get("exclude", ()),
        failures=names.get("failures", ()),
        roots=names.get("roots", ()),
        follow_unrestricted=follow,
        source=file.resolve(),
    )


def _names(file: Path, key: str, value: object) -> tuple[str, ...]:
    known = {field.name.replace("_", "-") for field in fields(Configuration)} - {"source"}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        raise SettingsError(
            f"{file}: {key!r} is not known",
            hint=f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(sorted(known))}",
        )
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{file}: {key} takes a list of strings")
    if key == "skip" and (unknown := sorted(set(value) - RULES.keys())):
        raise SettingsError(f"{file}: no rule {unknown[0]!r}", hint=f"one of: {', '.join(sorted(RULES))}")
    return tuple(value)
