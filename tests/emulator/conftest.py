"""An emulated GitHub over one repository, in this process or behind a port."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from emulator.workflow_texts import FILES, REPOSITORY
from perdure.emulator import App, GitHubEmulator, create_repository, running_emulator

DEADLINE = 20.0
VERSION = {"authorization": "Bearer any", "x-github-api-version": "2026-03-10"}


class Clock:
    """A clock that a test turns forward."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


class Client(httpx2.AsyncClient):
    """An HTTP client with the few calls that most tests make."""

    actions = f"/repos/{REPOSITORY}/actions"

    async def dispatch(self, file="echo.yml", *, ref="main", **inputs):
        """Dispatch a workflow file and return the run's number."""
        if file == "echo.yml":
            inputs = {"message": "hello", **inputs}
        path = f"{self.actions}/workflows/{file}/dispatches"
        answer = await self.post(path, json={"ref": ref, "inputs": inputs})
        assert answer.status_code == 200, answer.text
        return answer.json()["workflow_run_id"]

    async def run(self, number):
        answer = await self.get(f"{self.actions}/runs/{number}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def jobs(self, number, **query):
        return (await self.get(f"{self.actions}/runs/{number}/jobs", params=query)).json()["jobs"]

    async def until(self, number, fits):
        """Wait until a run is as wanted, and return it."""
        async with asyncio.timeout(DEADLINE):
            while True:
                if fits(found := await self.run(number)):
                    return found
                await asyncio.sleep(0.02)

    async def completed(self, number):
        return await self.until(number, lambda run: run["status"] == "completed")

    async def in_step(self, number):
        """Wait until a step of the run's own runs, so that there is something to cancel."""
        async with asyncio.timeout(DEADLINE):
            while True:
                jobs = await self.jobs(number)
                if any(step["status"] == "in_progress" for job in jobs for step in job["steps"][1:]):
                    return jobs
                await asyncio.sleep(0.02)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def root(tmp_path):
    create_repository(tmp_path / "root", REPOSITORY, FILES)
    create_repository(tmp_path / "root", "octo-org/other", {"README.md": "other\n"})
    return tmp_path / "root"


@pytest.fixture
def connect():
    """Make a client of an emulator in this process."""

    def make(emulator, **headers):
        transport = httpx2.ASGITransport(app=emulator.app)
        return Client(transport=transport, base_url="http://localhost", headers={**VERSION, **headers})

    return make


@pytest.fixture
async def emulator(root, clock):
    async with GitHubEmulator(root, clock=clock) as running:
        yield running


@pytest.fixture
async def client(emulator, connect):
    async with connect(emulator) as opened:
        yield opened


@pytest.fixture
async def served(root):
    async with running_emulator(root, control=True) as running:
        yield running


@pytest.fixture
async def served_client(served):
    async with Client(base_url=served.url, headers=VERSION, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def app_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def app(app_key):
    public = app_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return App(id=1234, slug="perdure", public_key=public.decode(), client_id="Iv23liPerdureTests00")


@pytest.fixture(scope="session")
def private_key(app_key):
    return app_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def sign(app, private_key):
    """Make an App's JWT, changed as a test wants it."""

    def make(**changes):
        now = datetime.now(UTC).timestamp()
        claims = {"iss": str(app.id), "iat": int(now) - 30, "exp": int(now) + 300} | changes
        return jwt.encode(
            {key: value for key, value in claims.items() if value is not None}, private_key, "RS256"
        )

    return make
