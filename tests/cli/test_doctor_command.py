import json
import socket

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.local_processes import perdure
from cli.scenes import FILES, REPOSITORY
from perdure.emulator import App, create_repository, running_emulator

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_set_up_that_works_is_all_well(scene):
    """Settings, engine, queues, credentials, quota and the file are looked at; exit status 0."""
    run = await scene.run("doctor", REPOSITORY, "release.yml", "--json")
    assert run.process.returncode == 0, run.output
    findings = [json.loads(line) for line in run.stdout]
    assert {finding["level"] for finding in findings} == {"ok"}
    said = "\n".join(finding["message"] for finding in findings)
    for text in (
        f"{scene.emulator.api_url}, the token of env:EMULATED_TOKEN",
        "namespace default, keeps what is done for 90 days",
        "the search attributes are registered",
        "task queue perdure-dispatch-",
        "GitHub accepts the token of octocat, which sees acme/library",
        "requests of this hour are left",
        "release.yml on main can be dispatched; inputs: version (string, required), wait (string)",
        "it takes a dispatch id and shows it in its run-name",
    ):
        assert text in said
    assert '"any"' not in run.output


@pytest.mark.parametrize(
    ("workflow_file", "status", "text", "hint"),
    [
        ("push.yml", 1, "push.yml on main has no workflow_dispatch trigger", "workflow_dispatch:"),
        ("bare.yml", 0, "it takes no dispatch_id", "run-name:"),
        ("relaese.yml", 1, "relaese.yml is not on the default branch", "did you mean release.yml?"),
    ],
)
async def test_a_workflow_file_that_will_not_do_is_mended_by_the_hint(
    scene, workflow_file, status, text, hint
):
    """What has to be added to the file can be copied from the screen."""
    run = await scene.run("doctor", REPOSITORY, workflow_file)
    assert run.process.returncode == status
    shown = "".join(run.stdout)
    assert text in shown
    assert hint in shown.partition(text)[2]


async def test_nobody_polls_and_nobody_answers_are_problems(scene):
    """Each thing that is wrong is said, not just the first."""
    idle = await scene.run("doctor", PERDURE_WORKER_QUEUE_SUFFIX="-nobody", PERDURE_GITHUB_URL=_nobody())
    assert idle.process.returncode == 1
    shown = "".join(idle.stdout)
    assert shown.count("nobody polls it, so its work waits") == 3
    assert "problem  github: GET /rate_limit: ConnectError" in shown
    assert "Traceback" not in idle.output


async def test_without_anything_every_part_says_what_to_do(tmp_path):
    """On a machine where nothing is set up yet, the hints are the first steps."""
    address = _nobody().removeprefix("http://")
    async with perdure("doctor", "--address", address, cwd=tmp_path) as run:
        assert await run.ends() == 1
    shown = "".join(run.stdout)
    assert "set GITHUB_TOKEN" in shown
    assert "start one with `perdure up`" in shown
    assert "there are no credentials for GitHub" in shown


async def test_an_app_without_the_permission_is_told_which(temporal_server, tmp_path):
    """Doctor names the permission beforehand, and an action that needs it fails naming it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem, public = tmp_path / "app.pem", serialization.PublicFormat.SubjectPublicKeyInfo
    encoding = serialization.Encoding.PEM
    pem.touch(mode=0o600)
    pem.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    app = App(
        id=7,
        slug="releaser",
        public_key=key.public_key().public_bytes(encoding, public).decode(),
        permissions={"actions": "read", "contents": "read", "metadata": "read"},
    )
    create_repository(
        tmp_path / "github", REPOSITORY, {".github/workflows/release.yml": FILES["release.yml"]}
    )
    async with running_emulator(tmp_path / "github", apps=(app,)) as emulator:
        variables = {
            "TEMPORAL_ADDRESS": temporal_server.address,
            "PERDURE_GITHUB_URL": emulator.api_url,
            "PERDURE_GITHUB_APP_ID": "7",
            "PERDURE_GITHUB_PRIVATE_KEY": f"file:{pem}",
            "PERDURE_WORKER_QUEUE_SUFFIX": f"-{tmp_path.name[-20:]}",
        }
        async with perdure("worker", cwd=tmp_path, **variables) as worker:
            await worker.says("worker ready")
            async with perdure("doctor", REPOSITORY, cwd=tmp_path, **variables) as doctor:
                assert await doctor.ends() == 1
            assert "GitHub accepts the App releaser, installed on acme" in doctor.output
            assert "problem  github: the App lacks the permission actions: write" in doctor.output
            arguments = ("action", "run", REPOSITORY, "release.yml", "-f", "version=1")
            async with perdure(*arguments, cwd=tmp_path, **variables) as run:
                assert await run.ends(within=60) == 4, run.output
        assert "actions: write" in run.output
        assert "Traceback" not in run.output
        assert emulator.runs == []


def _nobody():
    """Return an address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
