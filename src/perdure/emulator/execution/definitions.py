"""Jobs and steps as a file defines them, before any expression is evaluated.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perdure.emulator.execution.sections import (
    DEFAULTS_NAMES,
    JOB_CONDITION_NAMES,
    JOB_ENV_NAMES,
    JOB_NAMES,
    STEP_CONDITION_NAMES,
    STEP_FUNCTIONS,
    STEP_NAMES,
    condition,
    section,
    subsection,
    template,
    text_of,
)
from perdure.emulator.execution.yaml_text import Place, YamlMapping, YamlSequence

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_STEP_KEYS = frozenset(
    {"id", "name", "if", "run", "uses", "with", "env", "shell", "working-directory", "continue-on-error"}
    | {"timeout-minutes"}
)
_SHARED_JOB_KEYS = frozenset({"name", "needs", "if", "permissions", "concurrency", "strategy"})
_STEPS_JOB_KEYS = _SHARED_JOB_KEYS | {
    *(
        "runs-on",
        "environment",
        "env",
        "defaults",
        "outputs",
        "steps",
        "timeout-minutes",
        "continue-on-error",
    ),
    *("container", "services", "snapshot"),
}
_CALL_JOB_KEYS = _SHARED_JOB_KEYS | {"uses", "with", "secrets"}


@dataclass(frozen=True, kw_only=True)
class StepDefinition:
    """One step; everything but ``id`` and ``uses`` may hold expressions."""

    identifier: str | None
    name: str | None
    condition: object = None
    run: str | None = None
    uses: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    env: object = None
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: object = False
    timeout_minutes: object = None


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """One job: steps of its own, or a call of another workflow file."""

    identifier: str
    place: Place
    name: str | None
    needs: tuple[str, ...]
    condition: object
    strategy: object
    runs_on: object = None
    env: object = None
    run_defaults: object = None
    outputs: object = None
    timeout_minutes: object = None
    continue_on_error: object = False
    container: object = None
    services: object = None
    steps: tuple[StepDefinition, ...] = ()
    uses: str | None = None
    arguments: object = None


def read_jobs(root: YamlMapping) -> dict[str, JobDefinition]:
    """Read all jobs of a file, whose needs form no cycle.

    Raises:
        WorkflowFileError: Something in them is not as GitHub demands.
    """
    jobs = subsection(root, "jobs")
    if not jobs:
        raise root.value_places.get("jobs", root.place).error("Required property is missing: jobs")
    read = {key: _read_job(key, value, jobs) for key, value in jobs.items()}
    _check_needs(read)
    return read


def _check_identifier(identifier: str, place: Place) -> None:
    if not _IDENTIFIER.fullmatch(identifier):
        raise place.error(
            f"The identifier '{identifier}' is invalid. IDs may only contain alphanumeric characters, '_', "
            "and '-'. IDs must start with a letter or '_' and must be less than 100 characters."
        )


def _read_job(identifier: str, value: object, jobs: YamlMapping) -> JobDefinition:
    place = jobs.key_places[identifier]
    _check_identifier(identifier, place)
    calls = isinstance(value, YamlMapping) and "uses" in value
    job = section(value, jobs.value_places[identifier], _CALL_JOB_KEYS if calls else _STEPS_JOB_KEYS)
    for key in () if calls else ("runs-on", "steps"):
        if job.get(key) is None:
            raise place.error(f"Required property is missing: {key}")
    template(job, "name", JOB_NAMES)
    template(job, "concurrency", JOB_NAMES)
    template(job, "environment", STEP_CONDITION_NAMES)
    return JobDefinition(
        identifier=identifier,
        place=place,
        name=text_of(job, "name"),
        needs=_read_needs(job),
        condition=condition(job, JOB_CONDITION_NAMES),
        strategy=_read_strategy(job),
        runs_on=template(job, "runs-on", JOB_NAMES),
        env=template(job, "env", JOB_ENV_NAMES),
        run_defaults=_read_defaults(job),
        outputs=template(job, "outputs", STEP_NAMES, STEP_FUNCTIONS),
        timeout_minutes=template(job, "timeout-minutes", JOB_NAMES),
        continue_on_error=template(job, "continue-on-error", JOB_NAMES) or False,
        container=template(job, "container", DEFAULTS_NAMES | {"secrets"}),
        services=template(job, "services", DEFAULTS_NAMES | {"secrets"}),
        steps=read_steps(job, STEP_NAMES, STEP_CONDITION_NAMES) if not calls else (),
        uses=text_of(job, "uses"),
        arguments=template(job, "with", JOB_NAMES),
    )


def _read_strategy(job: YamlMapping) -> object:
    if isinstance(job.get("strategy"), dict):
        subsection(job, "strategy", ("matrix", "fail-fast", "max-parallel"))
    return template(job, "strategy", JOB_CONDITION_NAMES)


def _read_defaults(owner: YamlMapping) -> object:
    defaults = subsection(owner, "defaults", ("run",))
    subsection(defaults, "run", ("shell", "working-directory"))
    return template(defaults, "run", DEFAULTS_NAMES)


def read_workflow_defaults(root: YamlMapping) -> object:
    """Read ``defaults.run`` at the top of a file."""
    return _read_defaults(root)


def _read_needs(job: YamlMapping) -> tuple[str, ...]:
    needs = job.get("needs")
    if needs is None:
        return ()
    names = needs if isinstance(needs, YamlSequence) else [needs]
    if not all(isinstance(name, str) for name in names):
        raise job.value_places["needs"].error("Job ids were expected")
    return tuple(dict.fromkeys(map(str, names)))


def _check_needs(jobs: Mapping[str, JobDefinition]) -> None:
    for job in jobs.values():
        for name in job.needs:
            if name not in jobs:
                raise job.place.error(f"Job '{job.identifier}' depends on unknown job '{name}'.")
    if all(job.needs for job in jobs.values()):
        raise next(iter(jobs.values())).place.error(
            "The workflow must contain at least one job with no dependencies."
        )
    done: set[str] = set()
    while ready := [key for key, job in jobs.items() if key not in done and done.issuperset(job.needs)]:
        done.update(ready)
    for key, job in jobs.items():
        if key not in done:
            need = next(name for name in job.needs if name not in done)
            raise job.place.error(
                f"Job '{key}' depends on job '{need}' which creates a cycle in the dependency graph."
            )


def read_steps(
    owner: YamlMapping, names: frozenset[str], condition_names: frozenset[str]
) -> tuple[StepDefinition, ...]:
    """Read the ``steps`` of a job or of a composite action.

    Raises:
        WorkflowFileError: Something in them is not as GitHub demands.
    """
    steps = owner.get("steps")
    if not isinstance(steps, YamlSequence):
        raise owner.value_places.get("steps", owner.place).error("A sequence was expected")
    read = tuple(
        _read_step(value, place, names, condition_names)
        for value, place in zip(steps, steps.item_places, strict=True)
    )
    _refuse_repeated_ids(read, steps.item_places)
    return read


def _refuse_repeated_ids(steps: Sequence[StepDefinition], places: Sequence[Place]) -> None:
    seen: set[str] = set()
    for step, place in zip(steps, places, strict=True):
        if step.identifier is None:
            continue
        if step.identifier.lower() in seen:
            raise place.error(
                f"The identifier '{step.identifier}' may not be used more than once within the same scope."
            )
        seen.add(step.identifier.lower())


def _read_step(
    value: object, place: Place, names: frozenset[str], condition_names: frozenset[str]
) -> StepDefinition:
    step = section(value, place, _STEP_KEYS)
    if ("run" in step) is ("uses" in step):
        raise place.error("Every step must define a `uses` or `run` key, and only one of them")
    for key in ("with",) if "run" in step else ("shell", "working-directory"):
        if key in step:
            raise step.key_places[key].error(f"Unexpected value '{key}'")
    identifier = text_of(step, "id")
    if identifier is not None:
        _check_identifier(identifier, step.value_places["id"])
    for key in ("name", "run", "with", "shell", "working-directory"):
        template(step, key, names, STEP_FUNCTIONS)
    return StepDefinition(
        identifier=identifier,
        name=text_of(step, "name"),
        condition=condition(step, condition_names, STEP_FUNCTIONS),
        run=text_of(step, "run"),
        uses=text_of(step, "uses"),
        arguments=subsection(step, "with"),
        env=template(step, "env", names, STEP_FUNCTIONS),
        shell=text_of(step, "shell"),
        working_directory=text_of(step, "working-directory"),
        continue_on_error=template(step, "continue-on-error", names, STEP_FUNCTIONS) or False,
        timeout_minutes=template(step, "timeout-minutes", names, STEP_FUNCTIONS),
    )
