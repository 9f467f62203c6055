"""A house whose payloads are encrypted, with secrets that are known and found again wherever they are."""

import uuid
from dataclasses import dataclass

import pytest

from perdure.config import EncryptionSettings
from perdure.engine.connection import connect_local
from perdure.engine.key_ring import new_key
from workflows.conftest import emulator_settings, house, idle_house

__all__ = ["emulator_settings", "house", "idle_house"]


@dataclass(frozen=True)
class Canaries:
    """What must be seen nowhere."""

    token: str
    key: str
    email: str

    @property
    def all(self):
        return {"token": self.token, "key": self.key, "e-mail address": self.email}


@pytest.fixture
def canaries(monkeypatch):
    """Secrets that no other test has, where the settings of the house lead to them."""
    chosen = Canaries(
        token=f"ghp_{uuid.uuid4().hex}", key=new_key(), email=f"ada.{uuid.uuid4().hex[:12]}@example.test"
    )
    monkeypatch.setenv("SEALED_TOKEN", chosen.token)
    monkeypatch.setenv("SEALED_KEY", chosen.key)
    return chosen


@pytest.fixture
async def sealed_house(idle_house, canaries, temporal_server):
    """The house with encryption on, before its workers have started."""
    github = idle_house.settings.github.model_copy(update={"token": "env:SEALED_TOKEN"})
    encryption = EncryptionSettings(keys={"main": "env:SEALED_KEY"})
    idle_house.settings = idle_house.settings.model_copy(update={"github": github, "encryption": encryption})
    idle_house.client = await connect_local(temporal_server.address, settings=idle_house.settings)
    return idle_house
