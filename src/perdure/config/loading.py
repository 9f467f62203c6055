"""Settings read from their file and the environment."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from perdure.config.secret_references import looks_secret
from perdure.config.sections import SECTIONS, Settings
from perdure.errors import SettingsError

FILE_NAME: Final = "perdure.toml"

OTHER_VARIABLES: Final = frozenset(
    {
        "PERDURE_CONFIG",
        "PERDURE_USER_TOKEN",
        "PERDURE_MODEL",
        "PERDURE_JOB_ID",
        "PERDURE_JOB_TOKEN",
    }
)
"""Variables that belong to no section: the settings file's path, a person's own GitHub token, the model to
review with instead of those of ``[review]``, and what a program that hands jobs over is given."""

_REFERRING: Final = frozenset({"github", "approvals", "index", "review", "encryption"})
"""Sections that hold secret references."""

_Values = dict[tuple[str, str], Any]
_Places = dict[tuple[str, str], str]


def load_settings(
    path: Path | None = None, *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Read the settings.

    Args:
        path: The file to read, instead of looking for one.
        environ: Instead of the process's environment.
        folder: Instead of the current folder.

    Raises:
        SettingsError: A key, a variable or a value cannot be used; the message says where and what is valid.
    """
    environ = os.environ if environ is None else environ
    file = path or _find_file(environ, folder or Path.cwd())
    values, places = _read_file(file) if file is not None else ({}, {})
    _read_environment(environ, values, places)
    if ("github", "token") not in values and environ.get("GITHUB_TOKEN"):
        values["github", "token"] = "env:GITHUB_TOKEN"
    if environ.get("PERDURE_MODEL") and not environ.get("PERDURE_REVIEW_MODELS"):
        values["review", "models"] = [_model_of(environ)]
        places["review", "models"] = "PERDURE_MODEL"
    sections: dict[str, dict[str, Any]] = {}
    for (section, field), value in values.items():
        sections.setdefault(section, {})[field] = value
    try:
        return Settings.model_validate({**sections, "source": str(file) if file else "defaults"})
    except ValidationError as invalid:
        raise _settings_error(invalid, places, str(file or "settings")) from None


def _model_of(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the endpoint that the field's usual variables name: a model, and perhaps another address."""
    model, _, base_url = environ["PERDURE_MODEL"].partition("@")
    provider = model.partition(":")[0].upper()
    has_key = bool(environ.get(f"{provider}_API_KEY"))
    return {
        "model": model,
        "base_url": base_url or environ.get(f"{provider}_BASE_URL") or None,
        "key": f"env:{provider}_API_KEY" if has_key else None,
    }


def _find_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    if named := environ.get("PERDURE_CONFIG"):
        file = Path(named).expanduser()
        if not file.is_file():
            msg = f"PERDURE_CONFIG names {file}, which is no file"
            raise SettingsError(msg, hint=f"create it, or unset PERDURE_CONFIG to use {FILE_NAME} here")
        return file
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".config")
    candidates = (folder / FILE_NAME, home / "perdure" / FILE_NAME)
    return next((file for file in candidates if file.is_file()), None)


def _read_file(file: Path) -> tuple[_Values, _Places]:
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read: {error}"
        raise SettingsError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{file} is not TOML: {error}"
        raise SettingsError(msg, hint="https://toml.io/en/v1.0.0 shows the format") from None
    values: _Values = {}
    places: _Places = {}
    for section, fields in content.items():
        if section not in SECTIONS or not isinstance(fields, dict):
            where = f"{file}:{_line_of(text, section, None)}"
            raise _unknown(f"{where}: [{section}]", section, SECTIONS)
        for field, value in fields.items():
            where = f"{file}:{_line_of(text, section, field)}"
            if field not in SECTIONS[section].model_fields:
                raise _unknown(f"{where}: {field}", field, SECTIONS[section].model_fields)
            values[section, field] = _beside(file, value) if section in _REFERRING else value
            places[section, field] = f"{where}: {field}"
    return values, places


def _beside(file: Path, value: object) -> object:
    """Make a reference's relative path relative to the file that holds it, wherever Perdure is started."""
    if isinstance(value, list):
        return [_beside(file, each) for each in value]
    if isinstance(value, dict):
        return {name: _beside(file, each) for name, each in value.items()}
    if not isinstance(value, str) or not value.startswith("file:") or looks_secret(value):
        return value
    return f"file:{file.parent.absolute() / Path(value[5:]).expanduser()}"


def _read_environment(environ: Mapping[str, str], values: _Values, places: _Places) -> None:
    fields = {
        f"PERDURE_{section}_{field}".upper(): (section, field)
        for section, model in SECTIONS.items()
        for field in model.model_fields
    }
    for name, key in fields.items():
        # Compose files and CI pass variables that nobody set as empty ones.
        if environ.get(name):
            values[key] = environ[name]
            places[key] = name
    referred = {name for value in values.values() for name in re.findall(r"\benv:(\w+)", str(value))}
    known = {*fields, *OTHER_VARIABLES}
    for name in sorted(environ):
        if name.startswith("PERDURE_") and name not in known | referred:
            raise _unknown(name, name, known)


def _unknown(where: str, name: str, known: Iterable[str]) -> SettingsError:
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(names)}"
    return SettingsError(f"{where} is not known", hint=hint)


def _line_of(text: str, section: str, field: str | None) -> int:
    """Find a key's line: TOML's reader in the standard library keeps no positions."""
    current = ""
    found = 1
    for number, line in enumerate(text.splitlines(), start=1):
        # A table, or one of an array of tables that is a section's field.
        if head := re.match(r"\s*\[\[?\s*([\w.\"'-]+)\s*\]", line):
            current, _, table = head[1].strip("\"'").partition(".")
            if current == section and table and table == field:
                return number
            if current == section:
                found = number
                if field is None:
                    return number
            continue
        key = re.match(r"\s*([\w.\"'-]+)\s*=", line)
        path = ".".join(filter(None, (current, key[1].replace('"', "").replace("'", "")))) if key else ""
        if path == f"{section}.{field}" or (not current and path.partition(".")[0] == section):
            return number
    return found


def _settings_error(invalid: ValidationError, places: _Places, source: str) -> SettingsError:
    error = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
    section, field, *_ = (*(str(part) for part in error["loc"]), "", "")
    where = places.get((section, field), f"{source}: [{section}]")
    said = error["msg"].removeprefix("Value error, ")
    message, _, hint = said.partition("; ")
    message = message if error["type"] == "value_error" else f"is wrong: {message[:1].lower()}{message[1:]}"
    return SettingsError(f"{where} {message}", hint=hint or None)
