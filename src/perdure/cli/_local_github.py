"""The emulated GitHub of ``perdure up``, for commands that ask GitHub themselves.

The worker of ``perdure up`` knows it from its environment. A command in another terminal would otherwise
report missing credentials for a GitHub that nobody meant.
"""

import json
from pathlib import Path

from perdure.config import Settings
from perdure.config.sections import GitHubSettings

RECORD_NAME = "up.json"
"""In the folder of ``perdure up`` while it is up: what runs, and where."""

TOKEN_NAME = "emulator-token"  # noqa: S105 - a file's name
"""Beside it: the emulated GitHub takes any token, and secrets go by reference."""


def needs_emulator(settings: GitHubSettings) -> bool:
    """Say whether the settings name neither credentials nor another GitHub."""
    return not settings.has_app and settings.token is None and settings.url == GitHubSettings().url


def with_local_github(settings: Settings) -> Settings:
    """Return the settings with the emulated GitHub that is up in their folder, where they name no other."""
    folder = settings.local.folder.absolute()
    url = _emulated_url(folder) if needs_emulator(settings.github) else None
    if url is None:
        return settings
    github = settings.github.model_copy(update={"url": url, "token": f"file:{folder / TOKEN_NAME}"})
    return settings.model_copy(
        update={"github": github, "source": f"{settings.source} and `perdure up` in {settings.local.folder}"}
    )


def _emulated_url(folder: Path) -> str | None:
    try:
        github = json.loads((folder / RECORD_NAME).read_text())["github"]
        return str(github["url"]) if github["emulated"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
