"""Finds what is unsafe in a workflow file, and what would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from perdure.workflow_file.command_effects import Effect
from perdure.workflow_file.conditions import Guard, asks_for_status
from perdure.workflow_file.document import Node
from perdure.workflow_file.findings import Level, Rule, WorkflowFinding
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.shape import Job, Path, Shape, Step
from perdure.workflow_file.showing_id import dispatch_findings
from perdure.workflow_file.step_effects import asks_itself, called_effect, step_effects
from perdure.workflow_file.wishes import Found, GuardWish

_LOOKS: Final = re.compile(
    r"""\bgh\s+(?:release|pr|issue|run|repo|label|gist)\s+(?:view|list|download|status)
      | \bgh\s+api\b(?![^\n|;&]*(?:-X|--method|\s-f|\s-F))
      | \b(?:npm|pnpm|yarn|bun)\s+(?:npm\s+)?(?:view|info|show)\b
      | \bpip3?\s+(?:index|download)\b
      | \bcargo\s+(?:search|info)\b
      | \bgit\s+(?:-C\s+\S+\s+)?(?:ls-remote|rev-parse|show-ref|describe|tag\s+(?:-l|--list))
      | \bgem\s+(?:list|search|info|query)\b
      | \b(?:docker\s+(?:buildx\s+imagetools|manifest)|skopeo)\s+inspect\b
      | \b(?:crane|oras|regctl)\s+(?:digest|manifest|ls|image)\b
      | \bhelm\s+(?:status|list|history|get)\b
      | \bkubectl\s+(?:\S+\s+){0,4}?get\b
      | \b(?:aws|gcloud|az)\s[^\n]*\b(?:describe|list|get|head|show)\b
      | \b(?:curl|wget)\b[^\n]*(?:pypi\.org|registry\.|crates\.io|rubygems\.org|/releases|/versions|/maven2)
      | \bmvn\b[^\n]*dependency:get
      | \bdotnet\s+(?:nuget\s+)?(?:search|list)\b
    """,
    re.VERBOSE,
)
_ALLOWED: Final = re.compile(r"#\s*perdure:\s*allow\s+([\w,\s-]+)")


def examine(shape: Shape, rules: DoctorRules, local: Mapping[str, str]) -> list[Found]:
    """Return what is found, in the order of the file."""
    lines = shape.document.text.splitlines()
    found = list(_in_action(shape, rules, local) if shape.is_action else _in_workflow(shape, rules, local))
    return sorted(
        (
            each
            for each in found
            if each.finding.rule.value not in rules.ignored and not _is_allowed(lines, each)
        ),
        key=lambda each: (each.finding.line, each.finding.column),
    )


def action_effects(shape: Shape, rules: DoctorRules, local: Mapping[str, str]) -> str:
    """Return what a composite action changes outside, as words; nothing where it changes nothing."""
    effects = [effect for _, step in shape.steps() for effect in step_effects(step, rules, local)]
    return _named(effects) if effects else ""


def _in_workflow(shape: Shape, rules: DoctorRules, local: Mapping[str, str]) -> Iterator[Found]:
    loud = _fires(shape, rules)
    yield from loud
    demand = Guard(variable=rules.variable).expression
    # A job that demands the guard, and nothing less, spares its steps their own.
    wishes = [each.wish for each in loud if isinstance(each.wish, GuardWish)]
    guarded = {wish.path for wish in wishes if wish.demand == demand} - _ignored_paths(rules, wishes)
    for job in shape.jobs:
        in_job = shape.guard(rules.variable).is_demanded_by(job.condition)
        effect = called_effect(job, rules)
        if effect is not None and not in_job:
            finding = _unguarded(job.key, f"job {job.key.text!r}", [effect], demand)
            if job.path in guarded:
                yield Found(finding, covered_by=job.path)
            else:
                yield Found(finding, GuardWish(path=job.path, node=job.node, demand=demand))
        looked = False
        for step in job.steps:
            effects = step_effects(step, rules, local)
            looked = looked or _looks(step)
            yield from _repeated(step, effects, looked=looked)
            # A tag that is made here is seen by nobody until it is pushed.
            touching = [each for each in effects if each.what != "git tag"]
            if not touching or in_job or _is_guarded(shape, job, step, rules):
                continue
            finding = _unguarded(_place(step, touching), step.called, touching, demand)
            if job.path in guarded:
                yield Found(finding, covered_by=job.path)
            else:
                yield Found(finding, GuardWish(path=step.path, node=step.node, demand=demand))
    yield from dispatch_findings(shape, rules)


def _in_action(shape: Shape, rules: DoctorRules, local: Mapping[str, str]) -> Iterator[Found]:
    """A composite action knows no ``vars``: who uses it has to guard the step."""
    for _, step in shape.steps():
        effects = step_effects(step, rules, local)
        guard = shape.guard(rules.variable, step.node)
        if effects and not asks_itself(step, guard):
            message = (
                f"{step.called} changes something outside ({_named(effects)}), and an action knows no vars:"
                f" guard the steps that use it, with if: {guard.expression}"
            )
            yield Found(_finding(Rule.UNGUARDED, Level.NOTE, _place(step, effects), message))


def _fires(shape: Shape, rules: DoctorRules) -> list[Found]:
    events = shape.loud_events
    if not events:
        return []
    demand = _quiet_demand(shape, rules)
    loud = [
        job
        for job in shape.jobs
        if (not job.waits or asks_for_status(job.condition))
        and not shape.guard(rules.variable).keeps_quiet(job.condition, events)
    ]
    message = f"{_listed(events)} {'starts' if len(events) == 1 else 'start'} job {{}} on a mirror too"
    place = shape.events[events[0]]
    return [
        Found(
            _finding(Rule.FIRES_ON_MIRROR, Level.WARNING, place, message.format(repr(job.key.text))),
            GuardWish(path=job.path, node=job.node, demand=demand),
        )
        for job in loud
    ]


def _ignored_paths(rules: DoctorRules, wishes: list[GuardWish]) -> set[Path]:
    is_ignored = Rule.FIRES_ON_MIRROR.value in rules.ignored
    return {wish.path for wish in wishes} if is_ignored else set()


def _quiet_demand(shape: Shape, rules: DoctorRules) -> str:
    # A called workflow sees its caller's event, which a rehearsal dispatches.
    quiet = ["workflow_dispatch" if each == "workflow_call" else each for each in shape.events]
    quiet = [each for each in dict.fromkeys(quiet) if each not in shape.loud_events]
    return " || ".join(
        [Guard(variable=rules.variable).expression, *(f"github.event_name == '{event}'" for event in quiet)]
    )


def _is_guarded(shape: Shape, job: Job, step: Step, rules: DoctorRules) -> bool:
    guard = shape.guard(rules.variable, job.node, step.node)
    return guard.is_demanded_by(step.condition) or asks_itself(step, guard)


def _unguarded(place: Node, called: str, effects: list[Effect], demand: str) -> WorkflowFinding:
    known = any(each.is_known for each in effects)
    says = "changes something outside" if known else "seems to change something outside"
    message = f"{called} {says} ({_named(effects)}) without if: {demand}"
    return _finding(Rule.UNGUARDED, Level.ERROR if known else Level.WARNING, place, message)


def _repeated(step: Step, effects: list[Effect], *, looked: bool) -> Iterator[Found]:
    unsafe = [each for each in effects if not each.is_safe]
    if unsafe and not looked:
        message = (
            f"{step.called} does {_named(unsafe)} without a look whether that was done before: done again, it"
            " fails or makes a second one"
        )
        yield Found(_finding(Rule.UNSAFE_TO_REPEAT, Level.WARNING, _place(step, unsafe), message))


def _looks(step: Step) -> bool:
    script = step.script
    return script is not None and bool(_LOOKS.search(script.text))


def _place(step: Step, effects: list[Effect]) -> Node:
    script = step.script
    if script is None:
        entry = step.node.entries.get("uses")
        return entry.key if entry else step.node
    if script.style == "|":
        return replace(script, line=script.line + 1 + effects[0].line, column=step.node.column)
    return step.node.entries["run"].key


def _named(effects: list[Effect]) -> str:
    return _listed(list(dict.fromkeys(each.what for each in effects)))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _finding(rule: Rule, level: Level, place: Node, message: str) -> WorkflowFinding:
    return WorkflowFinding(rule=rule, level=level, line=place.line, column=place.column + 1, message=message)


def _is_allowed(lines: list[str], found: Found) -> bool:
    """Say whether a comment beside the finding, above it, or at its step allows it."""
    first = found.wish.node.line if isinstance(found.wish, GuardWish) else found.finding.line
    for line in {found.finding.line, found.finding.line - 1, first, first - 1}:
        allowed = _ALLOWED.search(lines[line - 1]) if 0 < line <= len(lines) else None
        if allowed and found.finding.rule.value in re.split(r"[,\s]+", allowed[1]):
            return True
    return False
