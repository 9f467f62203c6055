"""A scenario: how the steps of a rehearsal end, and how its approvals are decided, as a file says."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, StrictInt, ValidationError

from perdure.model.typed_values import Value
from perdure.model.words import did_you_mean
from perdure.pipeline._base import FileModel, Name, Problem, Problems
from perdure.pipeline.compiling import CompiledPipeline
from perdure.pipeline.policies import RepositoryWord
from perdure.pipeline.source import Source
from perdure.pipeline.steps import ActionStep, ApprovalStep, RunStep
from perdure.pipeline.wording import problems_of
from perdure.pipeline.yaml_text import Path, PlacedMapping, read_yaml

ALWAYS: Final = 0

_T = TypeVar("_T")


class Outcome(StrEnum):
    """How a step ends in a rehearsal, in place of what its workflow file does.

    ``fail``: its first step fails. ``flaky``: so it does at the first attempt alone. ``hang``: it never ends,
    until the step's own time limit, which is short in a rehearsal. ``timeout``: GitHub ends it as timed out.
    ``never-starts``: GitHub cannot start it. ``pass``: nothing is changed.
    """

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    FLAKY = "flaky"
    HANG = "hang"
    TIMEOUT = "timeout"
    NEVER_STARTS = "never-starts"


class Scripted(FileModel):
    """How one step ends.

    Attributes:
        outcome: How.
        times: At how many attempts, the first ones; at all of them where it is 0 or left out. Of ``flaky`` it
            is 1.
        outputs: What a step returns that runs an activity: none of them runs in a rehearsal.
    """

    outcome: Outcome = Outcome.PASS
    times: Annotated[StrictInt, Field(ge=0, le=1000)] = ALWAYS
    outputs: dict[Name, JsonValue] = Field(default_factory=dict)

    def at(self, attempt: int) -> Outcome:
        """Return how an attempt ends; the first is 1."""
        times = self.times or (1 if self.outcome is Outcome.FLAKY else attempt)
        return self.outcome if attempt <= times else Outcome.PASS


class Answer(StrEnum):
    """How an approval is decided in a rehearsal. ``expire``: nobody decides, and its time is soon over."""

    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"


class Decided(FileModel):
    """How one approval is decided.

    Attributes:
        answer: How.
        form: What is filled in; fields that are left out get their default, or the smallest allowed value.
    """

    answer: Answer = Answer.APPROVE
    form: dict[Name, Value] = Field(default_factory=dict)


def _outcome_alone(value: object) -> object:
    return {"outcome": value} if isinstance(value, str) else value


def _answer_alone(value: object) -> object:
    return {"answer": value} if isinstance(value, str) else value


ScriptedField = Annotated[Scripted, BeforeValidator(_outcome_alone)]
DecidedField = Annotated[Decided, BeforeValidator(_answer_alone)]


class Scenario(FileModel):
    """What happens in a rehearsal. What it does not name goes well.

    Attributes:
        steps: How steps end, by a step's name, or by a job's key for one job of a matrix.
        compensations: How what undoes a step ends, by the same.
        approvals: How approvals are decided, by the step's name.
        variables: Configuration variables of repositories, by the repository's name.
    """

    steps: dict[str, ScriptedField] = Field(default_factory=dict)
    compensations: dict[str, ScriptedField] = Field(default_factory=dict)
    approvals: dict[str, DecidedField] = Field(default_factory=dict)
    variables: dict[RepositoryWord, dict[str, str]] = Field(default_factory=dict)

    def of_step(self, key: str) -> Scripted:
        """Return how a job ends, by its key: below a step that runs a pipeline, with that one's before it."""
        return _named(self.steps, key) or Scripted()

    def of_run(self, name: str) -> Scripted:
        """Return how a step ends that runs an activity, by its name in whatever file it is."""
        found = (one for key, one in self.steps.items() if step_of(key).rpartition("/")[2] == name)
        return next(found, Scripted())

    def of_compensation(self, key: str) -> Scripted:
        """Return how the undoing of a job ends."""
        return _named(self.compensations, key) or Scripted()

    def of_approval(self, key: str) -> Decided:
        """Return how an approval is decided."""
        return _named(self.approvals, key) or Decided()


def step_of(key: str) -> str:
    """Return the step of a job: its key without the values of a matrix."""
    return re.sub(r"\[[^\[\]]*\]$", "", key)


def _named(found: Mapping[str, _T], key: str) -> _T | None:
    return found.get(key) or found.get(step_of(key))


def read_scenario(text: str, name: str, pipeline: CompiledPipeline) -> Scenario:
    """Read a scenario and check that it is about what the pipeline has.

    Args:
        text: The file's.
        name: What it is called in messages.
        pipeline: The one to rehearse.

    Raises:
        PipelineFileError: With everything that is wrong.
    """
    document = read_yaml(text.removeprefix("\ufeff"))
    source = Source(name, text.removeprefix("\ufeff"), document)
    value = document.value
    if not isinstance(value, PlacedMapping):
        what = "is empty" if value is None else "must hold keys and values"
        problem = Problem((), f"the scenario {what}: begin with steps: or approvals:")
        raise source.error([] if document.mistakes else [problem])
    collected = Problems()
    try:
        scenario: Scenario | None = Scenario.model_validate(value, context=collected)
        problems = collected.found
    except ValidationError as error:
        scenario = None
        problems = collected.found + problems_of(error.errors(include_url=False), source.known_path)
    problems += _unknown(value, pipeline)
    if problems or document.mistakes or scenario is None:
        raise source.error(problems)
    return scenario


def _unknown(value: PlacedMapping, pipeline: CompiledPipeline) -> Iterator[Problem]:
    work, asked = set[str](), set[str]()
    for step in pipeline.steps:
        if isinstance(step.definition, ApprovalStep):
            asked.add(step.name)
        elif isinstance(step.definition, ActionStep | RunStep):
            work |= {step.name, *(job.key for job in step.jobs)}
    for part, known, kind in (
        ("steps", work, "step that runs something"),
        ("compensations", work, "step that runs something"),
        ("approvals", asked, "approval"),
    ):
        named = value.get(part)
        for key in named if isinstance(named, Mapping) else ():
            # What stands below a step that runs a pipeline is only known when that is read.
            if key not in known and "/" not in key:
                path: Path = (part, key)
                hint = did_you_mean(key, known)
                yield Problem(path, f"the pipeline has no {kind} {key!r}{hint}", at_key=True)
