"""Reads a file of rules, in TOML."""

from __future__ import annotations

import tomllib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.errors import UsageError
from perdure.workflow_file.findings import Rule
from perdure.workflow_file.rule_table import ActionRule, CommandRule, DoctorRules, Family

VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Command(_Strict):
    run: Annotated[str, Field(min_length=1)]
    kind: Family = Family.CHANGE
    harmless_with: tuple[str, ...] = ()
    repeatable: bool = True


class _Action(_Strict):
    uses: Annotated[str, Field(pattern=r"^[\w.-]+/[\w./-]+$")]
    kind: Family = Family.CHANGE
    repeatable: bool = True


class _RulesFile(_Strict):
    variable: Annotated[str, Field(pattern=VARIABLE_PATTERN)] | None = None
    ignore: tuple[Rule, ...] = ()
    harmless: tuple[str, ...] = ()
    command: tuple[_Command, ...] = ()
    action: tuple[_Action, ...] = ()


def read_rules(text: str, name: str) -> DoctorRules:
    """Read a file of rules.

    Args:
        text: Its content.
        name: How it is called in errors.

    Raises:
        UsageError: It cannot be read; the message says which key.
    """
    hint = "see docs/guides/workflow-file-doctor.md, Rules of your own"
    try:
        found = _RulesFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is not TOML: {error}", hint=hint) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{name}: {where}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=hint
        ) from None
    rules = DoctorRules() if found.variable is None else DoctorRules(variable=found.variable)
    return DoctorRules(
        variable=rules.variable,
        commands=tuple(_command(each) for each in found.command),
        actions=tuple(
            ActionRule(uses=each.uses.lower(), family=each.kind, is_safe=each.repeatable)
            for each in found.action
        ),
        harmless=frozenset(
            each.lower() if "/" in each and " " not in each else each for each in found.harmless
        ),
        ignored=frozenset(rule.value for rule in found.ignore),
    )


def _command(command: _Command) -> CommandRule:
    return CommandRule(
        words=tuple(command.run.split()),
        family=command.kind,
        harmless=frozenset(command.harmless_with),
        is_safe=command.repeatable,
    )
