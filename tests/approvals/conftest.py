"""What tests of approvals share: keys, a house, and people."""

from workflows.conftest import emulator_settings, house, idle_house

__all__ = ["emulator_settings", "house", "idle_house"]
