"""Draws the tables of ``docs/guides/settings.md`` from the settings themselves."""

import re
from collections.abc import Iterator
from datetime import timedelta

from perdure.config.sections import SECTIONS

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def tables() -> str:
    """Return one heading and one table for each section."""
    return "\n".join(_section(name, section) for name, section in SECTIONS.items())


def _section(name, section):
    head = _in_a_cell((section.__doc__ or "").partition("\n")[0].partition(": ")[2])
    rows = [
        f"| `{field}` | {_shown(section.model_fields[field].default)} "
        f"| `PERDURE_{name.upper()}_{field.upper()}` | {_in_a_cell(text)} |"
        for field, text in described(section).items()
    ]
    title = f"### `[{name}]`\n\n{head[:1].upper()}{head[1:]}\n"
    return "\n".join((title, "| key | default | variable | |", "|---|---|---|---|", *rows, ""))


def described(section) -> dict[str, str]:
    """Return what a section's docstring says of each of its fields."""
    return dict(_attributes(section.__doc__ or ""))


def _attributes(docstring) -> Iterator[tuple[str, str]]:
    name, lines = "", []
    for line in docstring.partition("Attributes:\n")[2].splitlines():
        if found := re.match(r"^ {8}(\w+): (.*)$", line):
            if name:
                yield name, " ".join(lines)
            name, lines = found[1], [found[2]]
        elif line.strip():
            lines.append(line.strip())
    if name:
        yield name, " ".join(lines)


def _shown(default) -> str:
    if default is None:
        return "none"
    if isinstance(default, timedelta):
        return f"`{_duration(default)}`"
    return f"`{default}`" if str(default) else "empty"


def _duration(length) -> str:
    seconds = length.total_seconds()
    unit, size = next((unit for unit in _UNITS if seconds >= unit[1] and seconds % unit[1] == 0), ("s", 1))
    return f"{seconds / size:g}{unit}"


def _in_a_cell(text) -> str:
    return text.replace("``", "`").replace("|", "\\|")
