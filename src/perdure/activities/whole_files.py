"""Small files that are there whole or not at all, whoever is killed while they are written."""

import os
import secrets
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file, or replace it."""
    beside = _beside(file, text)
    beside.replace(file)


def write_once(file: Path, text: str) -> bool:
    """Write a file that is not there yet; say whether it was not."""
    beside = _beside(file, text)
    try:
        # Unlike a rename, a link fails where the name is taken.
        os.link(beside, file)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True


def _beside(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{secrets.token_hex(8)}")
    beside.write_text(text, encoding="utf-8")
    return beside
