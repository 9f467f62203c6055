"""Stand-ins for actions/upload-artifact and actions/download-artifact.

https://github.com/actions/upload-artifact and https://github.com/actions/download-artifact
"""

import asyncio
import fnmatch
import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path

from perdure.emulator.execution.actions.placing import out_of_reach, place
from perdure.emulator.execution.globbing import matching_files, open_within, search_root
from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.job_state import JobState

_REFUSED = {
    '"': 'Double quote "',
    ":": "Colon :",
    "<": "Less than <",
    ">": "Greater than >",
    "|": "Vertical bar |",
    "*": "Asterisk *",
    "?": "Question mark ?",
    "\r": "Carriage return \\r",
    "\n": "Line feed \\n",
    "\\": "Backslash \\",
    "/": "Forward slash /",
}
# The earliest time that zip can name: an artifact depends on nothing but its files.
_TIME = (1980, 1, 1, 0, 0, 0)
_MAX_FILES = 100_000
_MAX_UNPACKED = 4 * 1024 * 1024 * 1024


async def upload_artifact(invocation: Invocation) -> None:
    """Pack files into an artifact of the run.

    Raises:
        StepFailedError: The name cannot be used or is taken, or finding nothing to pack is an error.
    """
    job = invocation.job
    arguments = invocation.arguments()
    name = arguments.get("name") or "artifact"
    _check_name(name)
    lines = _patterns(job, arguments.get("path") or "")
    missing = arguments.get("if-no-files-found") or "warn"
    if missing not in ("warn", "error", "ignore"):
        raise StepFailedError(
            f"Unrecognized if-no-files-found input. Provided: {missing}. Available options: warn,error,ignore"
        )
    files = await asyncio.to_thread(matching_files, job.workspace, lines, within=job.folder)
    root = _root(job.workspace, lines)
    if arguments.get("include-hidden-files", "false").lower() != "true":
        files = [path for path in files if not _hidden(path, root)]
    if not files:
        _nothing_found(invocation, missing, " ".join(lines))
        return
    taken = job.run.observer.artifact(name) is not None
    if taken and arguments.get("overwrite", "false").lower() != "true":
        raise StepFailedError(
            "Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: "
            "an artifact with this name already exists on the workflow run"
        )
    await _upload(invocation, name, files, root)


async def _upload(invocation: Invocation, name: str, files: Sequence[Path], root: Path) -> None:
    job = invocation.job
    count = len(files)
    invocation.log(f"With the provided path, there will be {count} file{'s' if count > 1 else ''} uploaded")
    with out_of_reach(invocation) as folder:
        archive = folder / "artifact.zip"
        digest = await asyncio.to_thread(_pack, archive, files, (root, job.folder))
        size = archive.stat().st_size
        job.run.observer.artifact_uploaded(name, archive)
    job.run.artifacts.add(name)
    invocation.log(f"SHA256 digest of uploaded artifact zip is {digest}")
    invocation.log(f"Artifact {name}.zip successfully finalized. Size is {size} bytes")
    invocation.outputs["artifact-digest"] = digest


def _patterns(job: JobState, text: str) -> list[str]:
    lines = [_from_home(job, line.strip()) for line in text.splitlines() if line.strip()]
    if not lines:
        raise StepFailedError("Input required and not supplied: path")
    return lines


def _from_home(job: JobState, path: str) -> str:
    # The home of the steps, not of whoever runs the emulator.
    return f"{job.folder}/home{path[1:]}" if path == "~" or path.startswith("~/") else path


def _check_name(name: str) -> None:
    for character, shown in _REFUSED.items():
        if character in name:
            raise StepFailedError(
                f"The artifact name is not valid: {name}. Contains the following character:  {shown}"
            )


def _nothing_found(invocation: Invocation, missing: str, path: str) -> None:
    message = f"No files were found with the provided path: {path}. No artifacts will be uploaded."
    if missing == "error":
        raise StepFailedError(message)
    if missing == "warn":
        invocation.log_warning(message)
    else:
        invocation.log(message)


def _root(workspace: Path, lines: Sequence[str]) -> Path:
    """Find the folder that paths in the archive are relative to: what all patterns share."""
    patterns = [line for line in lines if line[0] not in "!#"]
    roots = [search_root(os.path.normpath(workspace / pattern)) for pattern in patterns]
    folders = [root if os.path.isdir(root) else os.path.dirname(root) for root in roots]
    return Path(os.path.commonpath(folders)) if folders else workspace


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _pack(archive: Path, files: Sequence[Path], folders: tuple[Path, Path]) -> str:
    root, limit = folders
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Permissions are not kept: https://github.com/actions/upload-artifact#permission-loss
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            with open_within(path, limit) as source, packed.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def download_artifact(invocation: Invocation) -> None:
    """Unpack one artifact of the run, or several.

    Raises:
        StepFailedError: There is none of that name, or it is asked for from another run.
    """
    job = invocation.job
    arguments = invocation.arguments()
    for name in ("run-id", "repository", "artifact-ids"):
        given = arguments.get(name, "")
        if given not in ("", str(job.run.request.run_id), job.run.request.repository):
            raise StepFailedError(f"the emulator's stand-in for actions/download-artifact has no '{name}'")
    folder = _folder_within(job, arguments.get("path") or ".")
    wanted = arguments.get("name")
    names = [wanted] if wanted else sorted(job.run.artifacts)
    pattern = arguments.get("pattern")
    if pattern and not wanted:
        names = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    merged = bool(wanted) or arguments.get("merge-multiple", "false").lower() == "true"
    for name in names:
        await _download(invocation, name, folder if merged else folder / name)
    invocation.log(f"Total of {len(names)} artifact(s) downloaded")
    invocation.outputs["download-path"] = str(folder)


def _folder_within(job: JobState, path: str) -> Path:
    folder = Path(os.path.normpath(job.workspace / _from_home(job, path)))
    if not Path(os.path.realpath(folder)).is_relative_to(job.folder):
        raise StepFailedError(f"the path '{folder}' is not under '{job.folder}'")
    return folder


async def _download(invocation: Invocation, name: str, folder: Path) -> None:
    archive = invocation.job.run.observer.artifact(name)
    if archive is None:
        raise StepFailedError(
            f"Unable to download artifact(s): Artifact not found for name: {name}\n"
            "        Please ensure that your artifact is not expired and the artifact was uploaded using a "
            "compatible version of toolkit/upload-artifact."
        )
    invocation.log(f"Downloading single artifact: {name}")
    with out_of_reach(invocation) as made:
        await asyncio.to_thread(_unpack, archive, made)
        await place(invocation, made, folder, replace=False)


def _unpack(archive: Path, folder: Path) -> None:
    limit = Path(os.path.realpath(folder))
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
            raise StepFailedError("the artifact is too large to be unpacked")
        for entry in entries:
            if not Path(os.path.realpath(limit / entry.filename)).is_relative_to(limit):
                raise StepFailedError(f"the artifact's entry '{entry.filename}' lies outside of the folder")
            packed.extract(entry, limit)
