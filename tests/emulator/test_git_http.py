"""Git itself reads the emulated repositories, with a token as GitHub takes it."""

import asyncio
import os
import subprocess

import pytest

from perdure.emulator import EmulatorSettings, create_repository, running_emulator
from perdure.emulator.repositories import git
from perdure.emulator.settings import User


@pytest.fixture
async def emulator(tmp_path):
    root = tmp_path / "github"
    create_repository(root, "acme/tools", {"a.txt": "a\n"})
    create_repository(root, "acme/hidden", {"secret.txt": "s\n"})
    reader = User(id=7, login="reader", role="read", roles={"acme/hidden": "none"})
    settings = EmulatorSettings(timing="fast", users=(reader,), tokens={"good": "reader"})
    async with running_emulator(root, settings) as running:
        yield running


async def run(emulator, *arguments, token="good", folder=None):
    """Run git with a token in the address, as people type it, and return its status and words."""
    address = emulator.url.replace("http://", f"http://x-access-token:{token}@" if token else "http://")
    process = await asyncio.create_subprocess_exec(
        *("git", *(part.replace("GITHUB", address) for part in arguments)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"],
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ASKPASS": "true",
            "LC_ALL": "C",
            "no_proxy": "127.0.0.1",
        },
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_repository_is_cloned(emulator, tmp_path):
    """Whole, with its history."""
    status, said = await run(emulator, "clone", "GITHUB/acme/tools.git", str(tmp_path / "clone"))
    assert status == 0, said
    assert (tmp_path / "clone" / "a.txt").read_text() == "a\n"


async def test_a_repository_with_a_work_tree_is_cloned_too(emulator, tmp_path):
    """The root may hold either kind."""
    folder = tmp_path / "github" / "mona" / "site"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<p>\n")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "Begin")):
        git(folder, *command)
    status, said = await run(emulator, "clone", "GITHUB/mona/site", str(tmp_path / "clone"))
    assert status == 0, said
    assert (tmp_path / "clone" / "index.html").is_file()


@pytest.mark.parametrize(
    ("repository", "token", "expected"),
    [
        ("acme/tools", "wrong", "Authentication failed"),
        ("acme/tools", "", "Authentication failed"),
        ("acme/unknown", "good", "not found"),
        ("acme/hidden", "good", "not found"),
        ("acme/..", "good", "not found"),
    ],
)
async def test_what_a_token_does_not_reach_is_refused(emulator, repository, token, expected):
    """What exists and may not be seen is answered like what does not exist."""
    status, said = await run(emulator, "ls-remote", f"GITHUB/{repository}.git", token=token)
    assert status != 0
    assert expected in said


async def test_pushes_are_refused(emulator, tmp_path):
    """Branches are changed through the API, which tells webhooks of it."""
    clone = tmp_path / "clone"
    await run(emulator, "clone", "GITHUB/acme/tools.git", str(clone))
    (clone / "a.txt").write_text("b\n")
    git(clone, "commit", "--quiet", "--all", "-m", "Change")
    status, said = await run(emulator, "push", "GITHUB/acme/tools.git", "HEAD:main", folder=clone)
    assert status != 0
    assert "403" in said
