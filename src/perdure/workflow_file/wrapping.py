"""Writes a workflow file that makes one action of the marketplace dispatchable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from perdure.workflow_file.action_file import ActionFacts, ActionInput
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.step_effects import action_rule

MOST_INPUTS: Final = 24
"""GitHub takes 25, and one of them is the dispatch id."""

UPLOAD: Final = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"
_PLAIN: Final = re.compile(r"[A-Za-z](?:[\w .,()/+'-]*[\w.)'])?")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """An action at a commit.

    Attributes:
        action: ``owner/name``, with its path in the repository where it has one.
        sha: The commit.
        version: The tag that names it, for people.
    """

    action: str
    sha: str
    version: str = ""

    @property
    def repository(self) -> str:
        """Where it is."""
        return "/".join(self.action.split("/")[:2])

    @property
    def folder(self) -> str:
        """Where it is in its repository; nothing at the top."""
        return "/".join(self.action.split("/")[2:])

    @property
    def uses(self) -> str:
        """What stands behind ``uses:``."""
        return f"{self.action}@{self.sha}" + (f" # {self.version}" if self.version else "")


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """The workflow file, and what people should know about it."""

    text: str
    notes: tuple[str, ...]


def wrap(
    pin: Pin,
    facts: ActionFacts,
    rules: DoctorRules,
    *,
    permissions: Mapping[str, str],
    is_guarded: bool | None = None,
) -> Wrapper:
    """Return a workflow file that runs one action.

    Args:
        pin: The action.
        facts: What it says of itself.
        rules: What is known of actions, and how the guard is called.
        permissions: What the job's token may do, beside what the action is known to need.
        is_guarded: Whether the step demands the guard; otherwise where the action is known to change
            something outside.
    """
    asked, secrets, kept, notes = _sorted_inputs(facts)
    rule = action_rule(pin.action, rules)
    guarded = rule is not None if is_guarded is None else is_guarded
    if rule is None and is_guarded is None:
        notes.append(
            f"whether {pin.action} changes something outside is not known:"
            " if it does, write it again with --guard"
        )
    needed = {
        **({"contents": "read"} if facts.asks_token else {}),
        **(rule.permissions if rule else {}),
        **permissions,
    }
    name = facts.name or pin.action
    lines = [
        f"# Runs one action by itself: https://github.com/{pin.repository}",
        f"name: {_scalar(name)}",
        f"run-name: {_scalar(name, more=' [${{ inputs.dispatch_id }}]')}",
        "",
        "on:",
        "  workflow_dispatch:",
        "    inputs:",
        *(line for each in asked for line in _input_lines(each)),
        "      dispatch_id:",
        "        description: Set by Perdure",
        "        type: string",
        "",
        *_permissions(needed),
        "",
        "jobs:",
        "  run:",
        "    runs-on: ubuntu-latest",
        "    timeout-minutes: 60",
        "    steps:",
        f"      - name: {_scalar(name)}",
        "        id: action",
        *([f"        if: vars.{rules.variable} == 'true'"] if guarded else []),
        f"        uses: {pin.uses}",
        *_with(asked, secrets),
        *(_outputs() if facts.outputs else []),
    ]
    notes += [f"input {each.name} keeps the action's default: {why}" for each, why in kept]
    notes += [f"input {each.name} is read from the secret {_secret(each.name)}" for each in secrets]
    return Wrapper(text="\n".join(lines) + "\n", notes=tuple(notes))


def _sorted_inputs(
    facts: ActionFacts,
) -> tuple[list[ActionInput], list[ActionInput], list[tuple[ActionInput, str]], list[str]]:
    """Return the inputs that are asked for, those that are secrets, and those that keep their defaults."""
    secrets = [each for each in facts.inputs if each.is_secret and not each.is_token]
    kept: list[tuple[ActionInput, str]] = []
    open_ones = []
    for each in facts.inputs:
        if each in secrets or each.is_token:
            continue
        if each.has_mixed_default:
            kept.append((each, "a dispatch cannot say it"))
        elif each.name.lower() == "dispatch_id" or not _NAME.fullmatch(each.name):
            kept.append((each, "an input of a dispatch cannot have its name"))
        else:
            open_ones.append(each)
    first = sorted(open_ones, key=lambda each: not each.required)[:MOST_INPUTS]
    kept += [
        (each, f"GitHub takes {MOST_INPUTS} inputs beside dispatch_id")
        for each in open_ones
        if each not in first
    ]
    return [each for each in open_ones if each in first], secrets, kept, []


def _input_lines(each: ActionInput) -> Iterator[str]:
    yield f"      {each.name}:"
    if each.description:
        yield f"        description: {_scalar(each.description)}"
    if each.required and not each.default:
        yield "        required: true"
    if each.is_boolean:
        yield "        type: boolean"
        yield f"        default: {(each.default or '').strip().lower()}"
        return
    yield "        type: string"
    if each.default and each.expression is None:
        yield f"        default: {json.dumps(each.default, ensure_ascii=False)}"


def _permissions(needed: Mapping[str, str]) -> list[str]:
    if not needed:
        return ["permissions: {}"]
    return ["permissions:", *(f"  {name}: {level}" for name, level in sorted(needed.items()))]


def _with(asked: list[ActionInput], secrets: list[ActionInput]) -> list[str]:
    lines = []
    for each in asked:
        default = f" || {each.expression}" if each.expression else ""
        lines.append(f"          {each.name}: ${{{{ inputs.{each.name}{default} }}}}")
    for each in secrets:
        lines.append(f"          {each.name}: ${{{{ secrets.{_secret(each.name)} }}}}")
    return ["        with:", *lines] if lines else []


def _outputs() -> list[str]:
    return [
        "",
        "      # The artifact `perdure-outputs` holds one JSON object: it becomes the action's outputs.",
        "      - name: Write the outputs",
        "        env:",
        "          OUTPUTS: ${{ toJSON(steps.action.outputs) }}",
        "        run: printf '%s\\n' \"$OUTPUTS\" > perdure-outputs.json",
        "",
        "      - name: Upload the outputs",
        f"        uses: {UPLOAD}",
        "        with:",
        "          name: perdure-outputs",
        "          path: perdure-outputs.json",
    ]


def _secret(name: str) -> str:
    return re.sub(r"\W", "_", re.sub(r"([a-z])([A-Z])", r"\1_\2", name)).upper()


def _scalar(text: str, *, more: str = "") -> str:
    # What an action says of itself is somebody else's: it stays one text, and holds no expression.
    text = text.replace("${{", "$ {{")
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text + more
    return json.dumps(text + more, ensure_ascii=False)
