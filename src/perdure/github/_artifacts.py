"""The result of a run: one JSON object in the artifact ``perdure-outputs``.

Whoever can change a workflow file can upload anything there, so that the archive is bounded before it is
unpacked, is never written to disk, and is compared with the digest that GitHub took at upload.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError

from perdure.errors import GitHubError, OutputsError
from perdure.github._calls import Calls
from perdure.github._transport import repository_path
from perdure.model.actions import ActionsRunRef, RunOutputs

OUTPUTS_ARTIFACT: Final = "perdure-outputs"
MAX_OUTPUTS_BYTES: Final = 1_000_000

_HINT = "upload one .json file that holds one object, of at most 1 MB, as the artifact perdure-outputs"
_OUTPUTS = TypeAdapter(RunOutputs)


class ArtifactCalls(Calls):
    """Calls about artifacts."""

    async def read_outputs(self, ref: ActionsRunRef, attempt: int | None = None) -> RunOutputs | None:
        """Read what a run gave back, or ``None`` where it left no outputs.

        An artifact belongs to the run: a re-run of the failed jobs leaves those of the others valid.

        Args:
            ref: The run.
            attempt: For messages.

        Raises:
            OutputsError: The artifact is there and cannot be used.
        """
        artifact = await self._newest(ref)
        if artifact is None:
            return None
        where = f"{ref}" + (f", attempt {attempt}" if attempt else "") + f": the artifact {OUTPUTS_ARTIFACT}"
        if artifact.get("expired"):
            raise OutputsError(f"{where} has expired")
        try:
            archive = await self._fetch(ref, int(artifact["id"]), where)
        except GitHubError as error:
            if error.status == 410:
                raise OutputsError(f"{where} has expired") from None
            raise
        digest = artifact.get("digest")
        if isinstance(digest, str) and digest.startswith("sha256:"):
            found = hashlib.sha256(archive).hexdigest()
            if found != digest.removeprefix("sha256:"):
                raise OutputsError(f"{where} is damaged: its digest is sha256:{found}, not {digest}")
        return read_outputs_archive(archive, where)

    async def _newest(self, ref: ActionsRunRef) -> dict[str, Any] | None:
        path = repository_path(ref.repository, f"/actions/runs/{ref.actions_run_id}/artifacts")
        query = {"name": OUTPUTS_ARTIFACT, "per_page": 100}
        listed = await self._transport.read_pages(ref.repository, path, query, items="artifacts")
        named = [each for each in listed if each.get("name") == OUTPUTS_ARTIFACT and "id" in each]
        return max(named, key=lambda each: int(each["id"]), default=None)

    async def _fetch(self, ref: ActionsRunRef, artifact_id: int, where: str) -> bytes:
        path = repository_path(ref.repository, f"/actions/artifacts/{artifact_id}/zip")
        archive = bytearray()
        async with self._transport.download(ref.repository, path) as chunks:
            async for chunk in chunks:
                archive += chunk
                if len(archive) > MAX_OUTPUTS_BYTES:
                    break
        if len(archive) > MAX_OUTPUTS_BYTES:
            raise OutputsError(f"{where} is larger than {MAX_OUTPUTS_BYTES:,} bytes", hint=_HINT)
        return bytes(archive)


def read_outputs_archive(archive: bytes, where: str = OUTPUTS_ARTIFACT) -> RunOutputs:
    """Return the object in the archive.

    Raises:
        OutputsError: It is not one JSON object in one file, of at most :data:`MAX_OUTPUTS_BYTES`.
    """
    try:
        text = _unpack(archive, where)
    except OutputsError:
        raise
    except Exception as error:
        # For a damaged archive zipfile raises whatever its code happens to meet, IndexError included.
        raise OutputsError(f"{where} is no archive that can be read: {error}", hint=_HINT) from None
    try:
        return _OUTPUTS.validate_python(json.loads(text, parse_constant=_no_constant))
    except ValidationError:
        raise OutputsError(f"{where} holds no JSON object", hint=_HINT) from None
    except (ValueError, RecursionError) as error:
        raise OutputsError(f"{where} holds no JSON: {error}", hint=_HINT) from None


def _unpack(archive: bytes, where: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
        files = [member for member in unpacked.infolist() if not member.is_dir()]
        if len(files) != 1 or not files[0].filename.endswith(".json"):
            raise OutputsError(f"{where} holds {len(files)} files, not one .json file", hint=_HINT)
        # What the archive says of its sizes may be a lie: the bytes that come out are counted.
        with unpacked.open(files[0]) as file:
            text = file.read(MAX_OUTPUTS_BYTES + 1)
    if len(text) > MAX_OUTPUTS_BYTES:
        raise OutputsError(f"{where} unpacks to more than {MAX_OUTPUTS_BYTES:,} bytes", hint=_HINT)
    return text


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)
