"""What models are told, each version in a file of its own.

The version is part of what a kept answer is found by. A file that was changed in place would pass answers to
another question off as answers to this one, so a changed prompt is a new file.
"""

from functools import cache
from importlib.resources import files

CURRENT = "review-1"


@cache
def read_prompt(version: str = CURRENT) -> str:
    """Return a prompt's text."""
    return files(__package__).joinpath(f"{version}.md").read_text(encoding="utf-8")
