"""What every part of the pipeline file's schema shares."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, ValidationInfo, WithJsonSchema, model_validator

from perdure.model.base import Model
from perdure.model.words import did_you_mean
from perdure.pipeline.yaml_text import Path, PlacedMapping

NAME_PATTERN: Final = r"^[a-z_][a-z0-9_]{0,63}$"
_RESERVED: Final = frozenset({"true", "false", "null", "in"})

GITHUB_WORDS: Final = {
    "jobs": "a pipeline has steps",
    "on": "a pipeline is started by hand, by its API or by schedule",
    "uses": "name the Actions workflow with action: OWNER/REPOSITORY/FILE.yml",
    "with": "the inputs of an action or a pipeline are called inputs",
    "env": "values for the whole pipeline are called vars",
    "strategy": "matrix, max-parallel and fail-fast stand directly in the step",
    "timeout-minutes": "write timeout: 30m, or timeout: {queue: 30m, run: 2h}",
    "cancel-in-progress": "write policy: cancel-older",
    "runs-on": "runners are chosen in the Actions workflow",
    "permissions": "permissions belong to the Actions workflow",
    "secrets": "secrets belong to the Actions workflow",
}
"""Keys of GitHub's workflow files that are called otherwise here, or belong elsewhere."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a pipeline file.

    Attributes:
        path: Leads to what is wrong.
        message: What is wrong and what is allowed.
        offset: Where in the value at ``path``, for a mistake inside an expression.
        at_key: Whether the key is meant instead of its value.
        about: Leads to what it refers to: the problem is dropped where that is broken itself.
    """

    path: Path
    message: str
    offset: int | None = None
    at_key: bool = False
    about: Path | None = None


@dataclass(slots=True)
class Problems:
    """Collects the mistakes of one file while its parts are read."""

    found: list[Problem] = field(default_factory=list)


class FileModel(Model):
    """A part of the pipeline file.

    A file, unlike a history, has no room for keys that nobody knows: while a file is read, each is a problem
    that names its place and the nearest valid key.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: object, info: ValidationInfo) -> object:
        if isinstance(data, PlacedMapping) and isinstance(info.context, Problems):
            known = cls.keys()
            for key in data:
                if key not in known:
                    message = f"unknown key {key!r}{instead(key, known)}"
                    info.context.found.append(Problem((*data.path, key), message, at_key=True))
        return data

    @classmethod
    def keys(cls) -> list[str]:
        """List the keys that the file may have here."""
        return [found.alias or name for name, found in cls.model_fields.items()]

    def with_changes(self, **changes: object) -> Self:
        """Return a copy with other values."""
        return self.model_copy(update=changes)


def instead(key: str, known: list[str]) -> str:
    """Say what to write instead of an unknown key."""
    if key in GITHUB_WORDS:
        return f": {GITHUB_WORDS[key]}"
    return did_you_mean(key, known) or f": allowed are {', '.join(known)}"


def _check_name(name: str) -> str:
    if name in _RESERVED:
        msg = f"{name!r} is a word of the expression language: choose another name"
        raise ValueError(msg)
    if not re.fullmatch(NAME_PATTERN, name):
        better = re.sub(r"[^a-z0-9_]", "_", name.lower())[:64]
        better = better if re.fullmatch(NAME_PATTERN, better) else ""
        like = f", such as {better}" if better else ""
        msg = f"{name!r} is not a name: use a-z, 0-9 and _, at most 64, not beginning with a digit{like}"
        raise ValueError(msg)
    return name


Name = Annotated[
    str, AfterValidator(_check_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})
]
"""Name of an input, a variable, a step or an output: expressions refer to it."""


def one_or_many(value: object) -> object:
    """Take one mapping where a list of them is meant."""
    return (value,) if isinstance(value, Mapping) else value


def as_list(value: object) -> object:
    """Take one text where a list of them is meant."""
    return (value,) if isinstance(value, str) else value
