"""The house of the workflows' tests, and an App for an emulated GitHub in this process."""

from wire.conftest import app, app_key, app_settings, connect, key_file, root
from workflows.conftest import emulator_settings, house, idle_house

__all__ = [
    "app",
    "app_key",
    "app_settings",
    "connect",
    "emulator_settings",
    "house",
    "idle_house",
    "key_file",
    "root",
]
