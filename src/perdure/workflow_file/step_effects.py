"""Which effects a step has outside, and whether it asks the guard itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from perdure.workflow_file.action_table import built_in
from perdure.workflow_file.command_effects import Effect, effect_of
from perdure.workflow_file.conditions import Guard
from perdure.workflow_file.rule_table import ActionRule, DoctorRules, Family
from perdure.workflow_file.shape import Job, Step
from perdure.workflow_file.shell import commands_of

_GUESSED: Final = re.compile(r"(?:^|[-_/])(?:deploy|release|publish|upload)(?:[-_/.]|$)", re.IGNORECASE)
_FALSE: Final = {"", "false", "no", "0"}


def step_effects(step: Step, rules: DoctorRules, local: Mapping[str, str]) -> list[Effect]:
    """Return the effects of a step.

    Args:
        step: The step.
        rules: What the doctor goes by.
        local: Effects of the repository's own actions, by their path.
    """
    uses = step.node.text("uses").strip()
    if uses:
        found = _of_action(step, uses, rules, local)
        return [found] if found else []
    script = step.script
    if script is None:
        return []
    return [effect for command in commands_of(script.text) if (effect := effect_of(command, rules))]


def called_effect(job: Job, rules: DoctorRules) -> Effect | None:
    """Return what a job does that calls a workflow file of another repository, as far as its name says."""
    uses = job.node.text("uses").strip()
    name = uses.partition("@")[0]
    if not uses or uses.startswith("./") or name.lower() in rules.harmless:
        return None
    if not _GUESSED.search(name.rpartition("/")[2]):
        return None
    return Effect(name, Family.DEPLOY, is_known=False)


def asks_itself(step: Step, guard: Guard) -> bool:
    """Say whether a step's script reads the guard, so that its author has taken care."""
    script = step.script
    if script is None:
        return False
    if re.search(rf"\bvars\s*\.\s*{guard.variable}\b", script.text, re.IGNORECASE):
        return True
    return any(
        re.search(rf"\$\{{?{re.escape(alias)}\b|\benv:{re.escape(alias)}\b", script.text)
        for alias in guard.aliases
    )


def action_rule(name: str, rules: DoctorRules) -> ActionRule | None:
    """Return the rule about an action, by its name without a version."""
    wanted = name.lower()
    for rule in rules.actions:
        if rule.uses == wanted:
            return rule
    return built_in().get(wanted)


def _of_action(step: Step, uses: str, rules: DoctorRules, local: Mapping[str, str]) -> Effect | None:
    name = uses.partition("@")[0]
    if name.lower() in rules.harmless:
        return None
    if uses.startswith("./"):
        what = local.get(uses.removeprefix("./").strip("/"))
        return Effect(f"{uses} ({what})", Family.DEPLOY) if what else None
    rule = action_rule(name, rules)
    given = dict(_inputs(step))
    if rule is None or not _acts(rule, given):
        return None
    safe = rule.is_safe or any(given.get(key.lower(), "").lower() not in _FALSE for key in rule.safe_with)
    return Effect(name, rule.family, is_safe=safe)


def _inputs(step: Step) -> Iterator[tuple[str, str]]:
    given = step.node.inner("with")
    for name in given.entries if given else ():
        if given:
            yield name.lower(), given.text(name)


def _acts(rule: ActionRule, given: Mapping[str, str]) -> bool:
    if any(given.get(key.lower(), "").lower() == value for key, value in rule.unless.items()):
        return False
    if not rule.when:
        return True
    for key, words in rule.when.items():
        value = given.get(key.lower(), "")
        if words and any(_holds(value, word) for word in words) and "--snapshot" not in value:
            return True
        if not words and value.strip().lower() not in _FALSE:
            return True
    return False


def _holds(value: str, word: str) -> bool:
    if re.fullmatch(r"[\w-]+", word):
        return bool(re.search(rf"\b{re.escape(word)}\b", value, re.IGNORECASE))
    return word in value
