"""Histories as files, and the page that says what is in a folder of them.

A file is what ``temporal workflow show -o json`` prints, so histories that somebody saved by hand are read as
well as those that ``perdure replay export`` wrote.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from google.protobuf.json_format import ParseError
from pydantic import ValidationError
from temporalio.client import WorkflowHistory

from perdure.errors import UsageError
from perdure.model.base import Model

MANIFEST = "manifest.json"
_NAME_LENGTH = 80


class SavedHistory(Model):
    """One line of a manifest.

    Attributes:
        file: Its name in the folder.
        status: Temporal's word, in lower case.
        version: Deployment and build that it was last worked on by, where its worker named one.
        patches: The marks of ``workflow.patched`` that it carries.
        events: How many there are.
    """

    file: str
    workflow_id: str
    run_id: str
    workflow_type: str
    status: str
    version: str = ""
    patches: tuple[str, ...] = ()
    events: int = 0
    started_at: datetime | None = None
    closed_at: datetime | None = None


class Manifest(Model):
    """What a folder of histories holds.

    Attributes:
        namespace: Where they come from. A replay has to name it: ids may be made from it.
        query: What was asked for beside the workflow type.
        readable: Whether payloads were decrypted.
    """

    namespace: str
    query: str = ""
    readable: bool = False
    exported_at: datetime
    histories: tuple[SavedHistory, ...] = ()


def file_name(workflow_type: str, workflow_id: str, run_id: str) -> str:
    """Return a name that people can tell apart and every file system takes."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{workflow_type}.{workflow_id}")[:_NAME_LENGTH].strip("-.")
    return f"{plain}.{run_id[-12:]}.json"


def write_history(path: Path, history: WorkflowHistory) -> None:
    """Write a history with one event a line, so that two versions can be compared."""
    lines = ",\n".join(json.dumps(event, sort_keys=True) for event in history.to_json_dict()["events"])
    path.write_text(f'{{"events":[\n{lines}\n]}}\n', encoding="utf-8")


def read_history(path: Path) -> WorkflowHistory:
    """Read a history.

    Raises:
        UsageError: The file cannot be read, or holds something else.
    """
    try:
        history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}") from error
    except (ValueError, ParseError) as error:
        first_line = str(error).partition("\n")[0]
        raise UsageError(f"is not a history: {first_line}") from error
    if not history.events or not history.events[0].HasField("workflow_execution_started_event_attributes"):
        raise UsageError("is not a whole history: it does not begin with the workflow's start")
    workflow_id = history.events[0].workflow_execution_started_event_attributes.workflow_id
    return WorkflowHistory(workflow_id or path.stem, history.events)


def history_paths(given: Sequence[Path]) -> list[Path]:
    """Return the files that are meant, those of a folder in the order of their names.

    Raises:
        UsageError: One of the paths is not there, or there is no file at all.
    """
    found = [path for one in given for path in _paths_of(one)]
    if not found:
        named = ", ".join(str(one) for one in given)
        raise UsageError(
            f"there is no history in {named}", hint="write some: perdure replay export --out DIR"
        )
    return found


def read_manifest(folder: Path) -> Manifest | None:
    """Return what the folder says of itself, if it does.

    Raises:
        UsageError: The manifest cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path} is no manifest", hint="export anew, or remove it: histories are read without one"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what the folder holds."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _paths_of(given: Path) -> Iterator[Path]:
    if given.is_dir():
        yield from sorted(path for path in given.rglob("*.json") if path.name != MANIFEST)
    elif given.is_file():
        yield given
    else:
        raise UsageError(f"{given} is not there", hint="name folders or files of histories")
