import hashlib
import io
import json
import struct
import zipfile

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import OutputsError
from perdure.github._artifacts import MAX_OUTPUTS_BYTES, read_outputs_archive
from perdure.model.actions import ActionsRunRef
from wire.scripted import client_of, said

REF = ActionsRunRef(repository="octo-org/octo-repo", actions_run_id=7)


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def lying(archive: bytes) -> bytes:
    """Say in the archive's directory that the file takes one byte."""
    at = archive.rindex(b"PK\x01\x02")
    return archive[: at + 24] + struct.pack("<L", 1) + archive[at + 28 :]


def artifact(archive: bytes, **changes):
    return {
        "id": 11,
        "name": "perdure-outputs",
        "size_in_bytes": len(archive),
        "expired": False,
        "digest": f"sha256:{hashlib.sha256(archive).hexdigest()}",
        **changes,
    }


class Storage:
    """GitHub with artifacts, whose bytes lie at another host that takes no credentials."""

    def __init__(self, archive, *artifacts, refused=None):
        self.archive = archive
        self.artifacts = artifacts
        self.refused = refused
        self.credentials_sent = []

    def __call__(self, request):
        if request.url.host == "storage.example":
            self.credentials_sent.append(request.headers.get("authorization"))
            return httpx2.Response(200, content=self.archive)
        if request.url.path.endswith("/zip"):
            return self.refused or httpx2.Response(
                302, headers={"location": f"https://storage.example{request.url.path}?sig=1"}
            )
        return httpx2.Response(200, json={"total_count": 1, "artifacts": list(self.artifacts)})


async def outputs_of(storage):
    async with client_of(storage) as client:
        return await client.read_outputs(REF)


async def test_outputs_are_fetched_without_credentials_and_compared_with_their_digest():
    """The signed address is the permission: GitHub's token stays with GitHub."""
    archive = packed(out_json=b'{"version": "1.2", "count": 3}')
    storage = Storage(archive, artifact(b"old", id=3), artifact(archive), artifact(b"x", name="logs", id=99))

    assert await outputs_of(storage) == {"version": "1.2", "count": 3}
    assert storage.credentials_sent == [None]


async def test_a_run_without_the_artifact_has_no_outputs():
    """Most runs give nothing back."""
    assert await outputs_of(Storage(b"")) is None


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        (Storage(b"PK", artifact(b"other")), "damaged"),
        (Storage(b"", artifact(b"", expired=True)), "expired"),
        (Storage(b"", artifact(b""), refused=said(410, "Artifact has expired")), "expired"),
        (Storage(b"x" * (MAX_OUTPUTS_BYTES + 1), artifact(b"")), "larger than 1,000,000 bytes"),
    ],
)
async def test_outputs_that_cannot_be_used_are_said_so(storage, told):
    """Outputs are there or they are an error: never silently none."""
    with pytest.raises(OutputsError, match=told):
        await outputs_of(storage)


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (packed(), "holds 0 files"),
        (packed(a_json=b"{}", b_json=b"{}"), "holds 2 files"),
        (packed(out_txt=b"{}"), "not one .json file"),
        (packed(out_json=b"[1]"), "no JSON object"),
        (packed(out_json=b"{'a': 1}"), "holds no JSON"),
        (packed(out_json=b'{"a": NaN}'), "NaN is no JSON"),
        (packed(out_json=b'{"a":' * 5_000), "holds no JSON"),
        (packed(out_json=b"\xff\xfe"), "holds no JSON"),
        (packed(out_json=b'{"a":"' + b"0" * 50_000_000 + b'"}'), "unpacks to more than"),
        (lying(packed(out_json=b'{"a":"' + b"0" * 50_000_000 + b'"}')), "unpacks to|no archive"),
        (b"no zip at all", "no archive"),
    ],
)
def test_archives_are_read_with_suspicion(archive, told):
    """Whoever can change the workflow file can upload anything: bombs, lies and rubbish are refused."""
    with pytest.raises(OutputsError, match=told):
        read_outputs_archive(archive)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_archive_breaks_the_reader(noise, at):
    """A damaged archive is outputs or an error of ours."""
    archive = packed(out_json=json.dumps({"a": "b" * 20}).encode())
    damaged = archive[:at] + noise + archive[at + len(noise) :]
    try:
        read_outputs_archive(damaged)
    except OutputsError:
        return
