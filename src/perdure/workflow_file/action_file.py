"""What an action of the marketplace says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from perdure.workflow_file.document import UnreadableFileError, read_document

_EXPRESSION: Final = re.compile(r"\$\{\{((?:(?!\}\}|\$\{\{).)*)\}\}", re.DOTALL)
_SECRET: Final = re.compile(
    r"(?:^|[-_. ])(?:token|password|passwd|secret|secrets|credential|credentials|passphrase|private[-_]?key|"
    r"api[-_]?key|access[-_]?key|webhook|webhook[-_]?url|pat)(?:$|[-_. ])",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ActionInput:
    """An input of an action.

    Attributes:
        default: As it is written; ``None`` where there is none.
    """

    name: str
    description: str = ""
    required: bool = False
    default: str | None = None

    @property
    def expression(self) -> str | None:
        """Its default, where that is one expression and nothing else."""
        found = _EXPRESSION.fullmatch((self.default or "").strip())
        return found[1].strip() if found else None

    @property
    def has_mixed_default(self) -> bool:
        """Whether its default is a text with expressions in it."""
        return "${{" in (self.default or "") and self.expression is None

    @property
    def is_token(self) -> bool:
        """Whether its default is the job's own token."""
        return self.expression in {"github.token", "secrets.GITHUB_TOKEN"}

    @property
    def is_secret(self) -> bool:
        """Whether its name says that nobody should see it: inputs of a dispatch are shown to everybody."""
        return bool(_SECRET.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", self.name)))

    @property
    def is_boolean(self) -> bool:
        """Whether it is a switch."""
        return (self.default or "").strip().lower() in {"true", "false"}


@dataclass(frozen=True, kw_only=True)
class ActionFacts:
    """An action.

    Attributes:
        outputs: Their names.
        asks_token: Whether it takes the job's own token.
    """

    name: str
    inputs: tuple[ActionInput, ...] = ()
    outputs: tuple[str, ...] = ()
    asks_token: bool = False


def read_action(text: str) -> ActionFacts:
    """Read an ``action.yml``.

    Raises:
        UnreadableFileError: It is none.
    """
    value = read_document(text.removeprefix("\ufeff")).value
    if not isinstance(value.get("runs"), dict):
        raise UnreadableFileError("it is no action: it has no runs:")
    given = value.get("inputs")
    outputs = value.get("outputs")
    described = given if isinstance(given, dict) else {}
    inputs = tuple(_input(str(name), each) for name, each in described.items() if not _is_deprecated(each))
    return ActionFacts(
        name=" ".join(str(value.get("name") or "").split()),
        inputs=inputs,
        outputs=tuple(map(str, outputs)) if isinstance(outputs, dict) else (),
        asks_token=any(each.is_token for each in inputs),
    )


def _is_deprecated(about: object) -> bool:
    return isinstance(about, dict) and bool(about.get("deprecationMessage"))


def _input(name: str, about: Any) -> ActionInput:  # noqa: ANN401 - a loaded file
    said = about if isinstance(about, dict) else {}
    default = said.get("default")
    required = said.get("required")
    return ActionInput(
        name=name,
        description=" ".join(str(said.get("description") or "").split()),
        required=required is True or str(required).lower() == "true",
        default=None if default is None else _text(default),
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
