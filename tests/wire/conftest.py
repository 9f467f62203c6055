"""An emulated GitHub in this process, and the real client of an App that is installed there."""

from contextlib import asynccontextmanager

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from perdure.config import GitHubSettings
from perdure.emulator import App, EmulatorSettings, GitHubEmulator, create_repository
from perdure.github import open_github_client
from wire.workflow_files import FILES

REPOSITORY = "octo-org/octo-repo"


@pytest.fixture(scope="session")
def app_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def app(app_key):
    public = app_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return App(id=77, slug="perdure-test", public_key=public.decode(), client_id="Iv23liPerdureTest000")


@pytest.fixture
def key_file(app_key, tmp_path):
    file = tmp_path / "app.pem"
    file.touch(mode=0o600)
    file.write_bytes(app_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return file


@pytest.fixture
def root(tmp_path):
    create_repository(tmp_path / "root", REPOSITORY, FILES)
    create_repository(tmp_path / "root", "octo-org/other", FILES)
    return tmp_path / "root"


@pytest.fixture
async def emulator(root, app):
    async with GitHubEmulator(root, EmulatorSettings(apps=(app,))) as running:
        yield running


@pytest.fixture
def app_settings(app, key_file):
    return GitHubSettings(url="http://localhost", app_id=app.id, private_key=f"file:{key_file}")


@pytest.fixture
def connect(app_settings):
    """Open the App's client on an emulator of this process."""

    @asynccontextmanager
    async def opened(emulator, **changes):
        settings = app_settings.model_copy(update=changes)
        async with open_github_client(settings, transport=httpx2.ASGITransport(app=emulator.app)) as client:
            yield client

    return opened


@pytest.fixture
async def client(emulator, connect):
    async with connect(emulator) as opened:
        yield opened
