"""Every mistake that can be known gets a message that says what to change, and nothing is dispatched."""

import socket
import time

import httpx2
import pytest

from cli.local_processes import perdure
from cli.scenes import REPOSITORY

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = [word for number in range(25) for word in ("-f", f"input{number}=x")]
SHA = "0123456789abcdef0123456789abcdef01234567"

BAD = [
    pytest.param(
        ["acme/nowhere", "release.yml"],
        4,
        "acme/nowhere: the repository does not exist, or the token cannot see it",
        "check the spelling",
        id="unknown-repository",
    ),
    pytest.param(
        ["acme", "release.yml"], 2, "'acme' is not a repository", "write OWNER/REPO", id="no-repository"
    ),
    pytest.param(
        [REPOSITORY, "relaese.yml"],
        4,
        "acme/library: relaese.yml is not on the default branch",
        "did you mean release.yml?",
        id="file-not-on-the-default-branch",
    ),
    pytest.param(
        [REPOSITORY, "Release"],
        2,
        "'Release' is not the name of an Actions workflow file",
        "name a .yml or .yaml file",
        id="no-file-name",
    ),
    pytest.param(
        [REPOSITORY, "push.yml"],
        4,
        "the workflow file has no workflow_dispatch trigger",
        "add this to it:",
        id="no-trigger",
    ),
    pytest.param(
        [REPOSITORY, "release.yml"], 2, "input version is required", "-f version=VALUE", id="missing-input"
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "-f", "verson=2"],
        2,
        "input verson is not known",
        "did you mean version?",
        id="unknown-input",
    ),
    pytest.param(
        [REPOSITORY, "bare.yml", "-f", "version=1"],
        2,
        "input version is not known",
        "the workflow file takes none",
        id="surplus-input",
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "-f", "target=moon"],
        2,
        "input target may not be 'moon'",
        "allowed are staging, production",
        id="not-among-the-options",
    ),
    pytest.param(
        [REPOSITORY, "release.yml", *MANY], 2, "25 inputs are too many", "one JSON input", id="too-many"
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "-f", "dispatch_id=x"],
        2,
        "dispatch_id input is a reserved input key",
        "leave dispatch_id out",
        id="reserved-input",
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "--ref", "mian"],
        2,
        "acme/library has no branch or tag 'mian'",
        "the default branch is main",
        id="unknown-ref",
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "--ref", SHA],
        2,
        f"{SHA} is a commit",
        f"--expect-sha {SHA}",
        id="commit-as-ref",
    ),
    pytest.param(
        [REPOSITORY, "release.yml", "-f", "version=1", "--expect-sha", SHA],
        1,
        f"not at the expected {SHA}",
        "nothing was dispatched",
        id="unexpected-commit",
    ),
]


def mistake(run):
    """Return the message and the hint, and make sure that there is nothing else."""
    lines = "".join(run.stderr)
    assert "Traceback" not in lines
    assert run.stdout == []
    _, _, said = lines.partition("error: ")
    message, _, hint = said.partition("\n\nhint: ")
    return message, hint


@pytest.mark.parametrize(("arguments", "status", "message", "hint"), BAD)
async def test_bad_input_says_what_to_change_and_dispatches_nothing(scene, arguments, status, message, hint):
    """A person can mend it from what is on the screen; a script sees the right status."""
    before = scene.dispatched
    run = await scene.run("action", "run", *arguments)
    said, how_to_mend = mistake(run)
    assert message in said
    assert hint in how_to_mend
    assert run.process.returncode == status
    assert scene.dispatched == before


async def test_a_disabled_workflow_names_the_command_that_enables_it(scene):
    """Sixty quiet days disable a workflow: the way back is one command."""
    path = f"/repos/{REPOSITORY}/actions/workflows/off.yml/disable"
    async with httpx2.AsyncClient(base_url=scene.emulator.api_url) as http:
        answer = await http.put(path, headers={"Authorization": "Bearer any"})
    assert answer.status_code == 204
    before = scene.dispatched
    run = await scene.run("action", "run", REPOSITORY, "off.yml")
    said, how_to_mend = mistake(run)
    assert "off.yml is disabled (disabled_manually)" in said
    assert f"gh workflow enable off.yml --repo {REPOSITORY}" in how_to_mend
    assert run.process.returncode == 4
    assert scene.dispatched == before


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "never-answers"])
async def test_an_engine_out_of_reach_is_said_within_10_s(tmp_path, silent):
    """Nobody waits for a server that is not there, or that says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        started_at = time.monotonic()
        arguments = ("action", "run", REPOSITORY, "release.yml", "--address", address)
        async with perdure(*arguments, cwd=tmp_path) as run:
            assert await run.ends(within=20) == 4
    assert time.monotonic() - started_at < 10
    said, how_to_mend = mistake(run)
    assert f"no Temporal server answers at {address}" in said
    assert "perdure up" in how_to_mend


async def test_a_queue_that_nobody_polls_is_said_within_10_s(scene):
    """Without a worker nothing would happen: it is said, and nothing is left waiting."""
    started_at = time.monotonic()
    run = await scene.run(
        "action", "run", REPOSITORY, "bare.yml", "--id", "unpolled", PERDURE_WORKER_QUEUE_SUFFIX="-nobody"
    )
    assert time.monotonic() - started_at < 10
    said, how_to_mend = mistake(run)
    assert "no worker polls the task queue 'perdure-nobody'" in said
    assert "perdure worker" in how_to_mend
    assert run.process.returncode == 4
    unknown = await scene.run("run", "show", "unpolled")
    assert "there is no action 'action/unpolled'" in unknown.output


async def test_a_private_key_that_is_none_is_named_without_being_shown(tmp_path, temporal_server):
    """The worker does not start, and its message holds nothing of the file."""
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5IGF0IGFsbA==\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    variables = {"PERDURE_GITHUB_APP_ID": "7", "PERDURE_GITHUB_PRIVATE_KEY": f"file:{key}"}
    for command in ("worker", "doctor"):
        arguments = (command, "--address", temporal_server.address)
        async with perdure(*arguments, cwd=tmp_path, **variables) as run:
            assert await run.ends() == (2 if command == "worker" else 1), run.output
        assert f"file:{key}" in run.output
        assert "bm90IGEga2V5" not in run.output
        assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("settings", "variables", "message", "hint"),
    [
        ("[github]\nap_id = 7\n", {}, "perdure.toml:2: ap_id is not known", "did you mean app_id?"),
        ("[gihub]\napp_id = 7\n", {}, "perdure.toml:1: [gihub] is not known", "did you mean github?"),
        ("", {"PERDURE_GITHUB_UR": "x"}, "PERDURE_GITHUB_UR is not known", "PERDURE_GITHUB_URL"),
        ("[github\n", {}, "perdure.toml is not TOML", "toml.io"),
        ("[github]\ntoken = 'ghp_0123456789abcdef'\n", {}, "holds the secret itself", "env:NAME"),
    ],
)
async def test_settings_that_cannot_be_used_say_where(tmp_path, settings, variables, message, hint):
    """A misspelled setting is never a limit that nobody set."""
    (tmp_path / "perdure.toml").write_text(settings)
    arguments = ("action", "run", REPOSITORY, "release.yml")
    async with perdure(*arguments, cwd=tmp_path, **variables) as run:
        assert await run.ends() == 2
    said, how_to_mend = mistake(run)
    assert message in said
    assert hint in how_to_mend
    assert "ghp_" not in run.output
