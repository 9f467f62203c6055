"""Workflow commands: what a step says to the runner through its output.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_COMMAND = re.compile(r"\s*::([A-Za-z][\w-]*)(?: +(.*?))?::(.*)", re.DOTALL)
_OLD_COMMAND = re.compile(r"##\[([a-z-]+)(?: +([^\]]*))?\](.*)", re.DOTALL)
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"))
_PROPERTY_ESCAPES = (*_ESCAPES, ("%3A", ":"), ("%2C", ","))


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: ``::name key=value,...::message``."""

    name: str
    properties: Mapping[str, str]
    message: str


def read_command(line: str) -> Command | None:
    """Read a line as a command, or tell that it is none."""
    if "::" not in line and not line.startswith("##["):
        return None
    match = _COMMAND.fullmatch(line) or _OLD_COMMAND.fullmatch(line)
    if match is None:
        return None
    return Command(
        name=match[1].lower(), properties=_properties(match[2] or ""), message=_unescaped(match[3], _ESCAPES)
    )


def _properties(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {
        key.strip(): _unescaped(value, _PROPERTY_ESCAPES) for key, _, value in pairs if key.strip() and value
    }


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for code, character in escapes:
        text = text.replace(code, character)
    return text.replace("%25", "%")
