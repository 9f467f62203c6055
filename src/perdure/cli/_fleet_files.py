"""Reads a fleet file, and the files that it refers to."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import JsonValue

from perdure.cli import _pipeline_sources
from perdure.cli._errors import say
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_text import read_text, shown_name
from perdure.cli._shown import shown
from perdure.errors import FleetFileError, PipelineFileError, UsageError
from perdure.model.fleet import item_key
from perdure.pipeline import PipelineFile
from perdure.pipeline.fleet_file import read_fleet
from perdure.pipeline.fleet_schema import FleetFile, ItemsFrom

_KINDS = (".txt", ".csv", ".json", ".jsonl")


@dataclass(frozen=True, kw_only=True)
class FleetSources:
    """A fleet file with everything that it refers to.

    Attributes:
        items: What it lists, or its file of items does; ``None`` where they are elsewhere.
        pipeline: The pipeline that it runs, and those that its steps run.
    """

    file: FleetFile
    items: list[JsonValue] | None
    pipeline: tuple[PipelineFile, dict[str, PipelineFile]] | None


def check(files: Sequence[str]) -> ExitCode:
    """Check each file, and show what is wrong with all of them."""
    code = ExitCode.SUCCESS
    for name in files:
        try:
            found = read_sources(name)
        except PipelineFileError as error:
            say(str(error))
            code = ExitCode.USAGE
        else:
            count = f"{len(found.items):,} items" if found.items is not None else "items from elsewhere"
            typer.echo(shown(f"{name}: {found.file.name}, {count}, no mistakes"))
    return code


def read_sources(name: str) -> FleetSources:
    """Read a fleet file and what it refers to.

    Raises:
        PipelineFileError: With everything that is wrong with the file, or with one that it refers to.
        UsageError: One cannot be read.
    """
    try:
        text = read_text(name)
    except UsageError as error:
        # What is said there of a first file is about pipelines.
        raise UsageError(str(error), hint="docs/guides/fleets.md shows what one looks like") from error
    file = read_fleet(text, shown_name(name))
    folder = os.path.dirname(name)
    return FleetSources(file=file, items=_items(file, folder), pipeline=_pipeline(file, folder))


def _pipeline(file: FleetFile, folder: str) -> tuple[PipelineFile, dict[str, PipelineFile]] | None:
    if file.pipeline is None:
        return None
    found = _pipeline_sources.read_sources(os.path.join(folder, file.pipeline))
    return found.file, found.files


def _items(file: FleetFile, folder: str) -> list[JsonValue] | None:
    if not isinstance(file.items, ItemsFrom):
        return list(file.items)
    if file.items.file is None:
        return None
    name = os.path.join(folder, file.items.file)
    items = _read_items(name)
    if not items:
        raise UsageError(f"{name} holds no items", hint="write one a line")
    _refuse_repetitions(name, items)
    return items


def _read_items(name: str) -> list[JsonValue]:
    kind = Path(name).suffix.lower()
    if kind not in _KINDS:
        msg = f"{name}: items are read from {', '.join(_KINDS)}"
        raise UsageError(msg, hint="rename it after what it holds")
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text") from error
    match kind:
        case ".txt":
            lines = (line.strip() for line in text.splitlines())
            return [line for line in lines if line and not line.startswith("#")]
        case ".csv":
            return [dict(row) for row in csv.DictReader(text.splitlines())]
        case ".json":
            found = _json(name, text, 1)
            if not isinstance(found, list):
                raise _wrong(name, 1, 1, "must be a list of items")
            return found
    return [_json(name, line, number) for number, line in _filled(text)]


def _filled(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _json(name: str, text: str, line: int) -> JsonValue:
    try:
        found: JsonValue = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(name, line + error.lineno - 1, error.colno, f"not JSON: {error.msg}") from None
    return found


def _refuse_repetitions(name: str, items: list[JsonValue]) -> None:
    seen: set[str] = set()
    for position, item in enumerate(items, start=1):
        key = item_key(item)
        if key in seen:
            msg = f"{name}: item {position}, {key!r}, is there twice"
            raise UsageError(msg, hint="leave one of them out: an item is worked on once")
        seen.add(key)


def _wrong(name: str, line: int, column: int, message: str) -> FleetFileError:
    problem: dict[str, str | int] = {"file": name, "line": line, "column": column, "message": message}
    return FleetFileError(f"{name}:{line}:{column}: {message}", problems=[problem])
