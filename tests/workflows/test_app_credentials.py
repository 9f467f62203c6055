"""The whole way with a GitHub App: what a worker in production does."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from perdure.emulator import App, Installation
from perdure.errors import GitHubError, GitHubPermissionError, RepositoryNotFoundError
from perdure.model.progress import Stage

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def permissions():
    return {"actions": "write", "contents": "read", "metadata": "read"}


@pytest.fixture
def emulator_settings(emulator_settings, permissions):
    installed = Installation(id=77, account="acme", repositories=("acme/tools",), permissions=permissions)
    app = App(id=4711, slug="perdure", public_key=PUBLIC, permissions=permissions, installations=(installed,))
    return replace(emulator_settings, apps=(app,))


@pytest.fixture
async def app_house(idle_house, tmp_path):
    """The house with workers that are a GitHub App."""
    file = tmp_path / "app.pem"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    github = idle_house.settings.github.model_copy(
        update={"token": None, "app_id": 4711, "private_key": f"file:{file}"}
    )
    async with idle_house.workers(github=github):
        yield idle_house


async def test_an_app_runs_an_action_with_few_tokens(app_house):
    """Ten actions at once need one token for reading and one for writing."""
    handles = await asyncio.gather(*(app_house.start(inputs={"message": str(n)}) for n in range(10)))
    results = await asyncio.gather(*(handle.result() for handle in handles))
    assert {result.conclusion for result in results} == {"success"}
    assert app_house.emulator.requests.count("POST", "/access_tokens") <= 3


async def test_a_token_that_expires_in_the_middle_is_renewed(app_house):
    """A run of more than an hour outlives its token."""
    handle = await app_house.start(inputs={"wait_time": "2"})
    async with asyncio.timeout(20):
        async for progress in handle.watch():
            if progress.stage is Stage.RUNNING:
                break
    app_house.emulator.authentication.expire_tokens()
    assert (await handle.result()).conclusion == "success"


async def test_a_repository_without_the_app_is_named(app_house):
    """The error says what is missing and where."""
    app_house.add("acme/elsewhere", echo="on: workflow_dispatch\njobs: {}\n")
    handle = await app_house.start(repository="acme/elsewhere")
    with pytest.raises(RepositoryNotFoundError, match="acme/elsewhere"):
        await handle.result()


async def test_a_suspended_installation_is_named(app_house):
    """An owner may suspend the App in the middle of a run: the error names the repository."""
    handle = await app_house.start(inputs={"wait_time": "30"}, queue_timeout=timedelta(minutes=5))
    async with asyncio.timeout(20):
        async for progress in handle.watch():
            if progress.stage is Stage.RUNNING:
                break
    app_house.emulator.authentication.suspended[77] = datetime.now(UTC)
    app_house.emulator.authentication.expire_tokens()
    with pytest.raises(GitHubError, match="acme/tools"):
        await asyncio.wait_for(handle.result(), 60)


class TestWithoutWriting:
    """An App that may only read."""

    @pytest.fixture
    def permissions(self):
        return {"actions": "read", "contents": "read", "metadata": "read"}

    async def test_the_missing_permission_is_named(self, app_house):
        """Nothing is dispatched, and the error says what to grant."""
        handle = await app_house.start()
        with pytest.raises(GitHubPermissionError) as caught:
            await handle.result()
        assert "actions" in f"{caught.value} {caught.value.hint}"
        assert app_house.emulator.runs == []
