"""The kinds of steps that a pipeline is made of."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    Tag,
    WithJsonSchema,
)

from perdure.model.actions import OnAmbiguity
from perdure.model.typed_values import Value
from perdure.pipeline._base import FileModel, Name, as_list, one_or_many
from perdure.pipeline.durations import Duration, read_duration
from perdure.pipeline.inputs import InputSpecs, OutputType
from perdure.pipeline.policies import ActionWord, ConcurrencyField, Retry, TimeoutField

_LOGIN: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?"
_APPROVER: Final = f"({_LOGIN}|team:[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}/[A-Za-z0-9._-]{{1,100}})"
_ACTIVITY: Final = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


def _check_approver(text: str) -> str:
    if not re.fullmatch(_APPROVER, text):
        msg = f"{text!r} is no approver: write a user's login, or team:organisation/name"
        raise ValueError(msg)
    return text


def _check_activity(text: str) -> str:
    if not re.fullmatch(_ACTIVITY, text):
        msg = f"{text!r} names no activity: write package.module:activity"
        raise ValueError(msg)
    return text


def _check_pipeline_path(text: str) -> str:
    if not re.fullmatch(r"[^\s/\\$][^\n\\$]{0,400}\.ya?ml", text):
        msg = f"{text!r} is no pipeline file: write its path relative to this file, such as other.yaml"
        raise ValueError(msg)
    return text


def _condition(value: object) -> object:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def _duration_text(value: object) -> object:
    if isinstance(value, str) and "${{" in value:
        return value
    read_duration(value)
    return value


Approver = Annotated[
    str, AfterValidator(_check_approver), WithJsonSchema({"type": "string", "pattern": f"^{_APPROVER}$"})
]
"""A user's login, or ``team:organisation/name``."""

Approvers = Annotated[
    tuple[Approver, ...], BeforeValidator(as_list, json_schema_input_type=Approver | list[Approver])
]


class Matrix(FileModel):
    """Runs a step once for each combination of values, as GitHub does.

    https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations

    Attributes:
        axes: The lists, by name.
        include: Combinations that are added, or values that are added to combinations.
        exclude: Combinations that are left out.
    """

    axes: dict[Name, Annotated[tuple[Value, ...], Field(min_length=1)]] = Field(default_factory=dict)
    include: tuple[dict[Name, Value], ...] = ()
    exclude: tuple[dict[Name, Value], ...] = ()


def _axes_apart(value: object) -> object:
    if not isinstance(value, Mapping) or isinstance(value.get("axes"), Mapping):
        return value
    apart: dict[str, object] = {key: value[key] for key in ("include", "exclude") if key in value}
    return {**apart, "axes": {key: axis for key, axis in value.items() if key not in apart}}


MatrixField = Annotated[Matrix, BeforeValidator(_axes_apart)]


Accepted = Literal["neutral", "skipped"]
"""A conclusion that may be let pass."""


class ActionCall(FileModel):
    """An Actions workflow to dispatch and to follow to its end.

    Attributes:
        action: ``owner/repository/file.yml``; the owner may come from ``defaults``.
        inputs: The Actions workflow's inputs; ``dispatch_id`` is Perdure's own.
        ref: Branch or tag to run on.
        expect_sha: The commit that the run must be on, else it is cancelled and fails.
        timeout: Limits of an attempt.
        retry: When another attempt is made.
        on_ambiguity: What to do when GitHub's answer to the dispatch is lost and no run shows up.
        accept: Conclusions that pass besides ``success``.
    """

    action: ActionWord
    inputs: dict[str, Value] = Field(default_factory=dict)
    ref: str | None = Field(default=None, min_length=1)
    expect_sha: str | None = Field(default=None, alias="expect-sha", min_length=1)
    timeout: TimeoutField | None = None
    retry: Retry | None = None
    on_ambiguity: OnAmbiguity | None = Field(default=None, alias="on-ambiguity")
    accept: Annotated[
        tuple[Accepted, ...], BeforeValidator(as_list, json_schema_input_type=Accepted | list[Accepted])
    ] = ()


Calls = Annotated[
    tuple[ActionCall, ...], BeforeValidator(one_or_many, json_schema_input_type=ActionCall | list[ActionCall])
]
"""Actions; one may stand alone."""


class StepBase(FileModel):
    """What every step has.

    Attributes:
        name: For people; its key otherwise.
        needs: The steps that must have ended before it.
        if_: Whether it runs: an expression. Without one it runs when every step before it succeeded.
        environment: What freeze calendars and approval rules refer to; the pipeline's otherwise.
        continue_on_error: Whether the pipeline goes on as if it had succeeded.
    """

    name: str = Field(default="", max_length=200)
    needs: Annotated[tuple[str, ...], BeforeValidator(as_list, json_schema_input_type=str | list[str])] = ()
    if_: (
        Annotated[str, Field(min_length=1), BeforeValidator(_condition, json_schema_input_type=str | bool)]
        | None
    ) = Field(default=None, alias="if")
    environment: str | None = Field(default=None, min_length=1, max_length=255)
    continue_on_error: StrictBool = Field(default=False, alias="continue-on-error")


class WorkBase(StepBase):
    """What steps have that do work.

    Attributes:
        matrix: Runs the step once for each combination of values.
        max_parallel: How many of them run at the same time; all otherwise.
        fail_fast: Whether the others are cancelled when one fails.
        outputs: What it returns: names and types.
        concurrency: The group in which one runs at a time.
        compensate: Actions that undo the step, once it has succeeded, when a later step fails or the
            pipeline is cancelled.
    """

    matrix: MatrixField | None = None
    max_parallel: Annotated[StrictInt, Field(ge=1)] | None = Field(default=None, alias="max-parallel")
    fail_fast: StrictBool = Field(default=True, alias="fail-fast")
    outputs: dict[Name, OutputType] = Field(default_factory=dict)
    concurrency: ConcurrencyField | None = None
    compensate: Calls = ()


class ActionStep(ActionCall, WorkBase):
    """Runs an Actions workflow.

    Attributes:
        adopt_window: How long the failed step stays open for a person's re-run at GitHub.
    """

    adopt_window: Duration | None = Field(default=None, alias="adopt-window")


class OnTimeout(StrEnum):
    """What an approval does when its time is over."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class Approval(FileModel):
    """A decision asked of people.

    Attributes:
        approvers: Who may decide: logins, and teams as ``team:organisation/name``.
        quorum: How many of them must approve.
        prevent_self_approval: Whether the person who started the pipeline may not approve.
        timeout: How long they have.
        on_timeout: What happens then.
        escalate_to: Who may decide from then on; they have as long again.
        remind: How long between two reminders.
        message: What they are asked.
        form: What they fill in, by name; later steps read it.
    """

    approvers: Approvers = ()
    quorum: Annotated[StrictInt, Field(ge=1, le=100)] = 1
    prevent_self_approval: StrictBool = Field(default=True, alias="prevent-self-approval")
    timeout: Duration = Field(default="24h", validate_default=True)
    on_timeout: OnTimeout = Field(default=OnTimeout.REJECT, alias="on-timeout")
    escalate_to: Approvers = Field(default=(), alias="escalate-to")
    remind: Duration | None = None
    message: str = Field(default="", max_length=4000)
    form: InputSpecs = Field(default_factory=dict)


class ApprovalStep(StepBase):
    """Waits for people to decide.

    Attributes:
        approval: Who decides about what, and by when.
    """

    approval: Approval


class WaitStep(StepBase):
    """Waits. Has either ``wait`` or ``until``.

    Attributes:
        wait: How long: a duration.
        until: An instant, as ``2027-01-31T06:00:00Z``; one that is past does not wait.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["wait"]}, {"required": ["until"]}]})

    wait: Annotated[str, BeforeValidator(_duration_text)] | None = None
    until: str | None = Field(default=None, min_length=1)


class PipelineStep(WorkBase):
    """Runs another pipeline.

    Attributes:
        pipeline: Its file, relative to this one.
        inputs: Its inputs.
        timeout: How long it may run.
    """

    pipeline: Annotated[str, AfterValidator(_check_pipeline_path)]
    inputs: dict[Name, Value] = Field(default_factory=dict)
    timeout: TimeoutField | None = None


class RunStep(WorkBase):
    """Runs an activity that is registered on a worker.

    Attributes:
        run: ``package.module:activity``, one of those that the settings name.
        with_: Its arguments, by name.
        queue: The task queue of its worker.
        timeout: Limits of an attempt.
        retry: When another attempt is made.
    """

    run: Annotated[
        str, AfterValidator(_check_activity), WithJsonSchema({"type": "string", "pattern": f"^{_ACTIVITY}$"})
    ]
    with_: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    queue: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,200}$")
    timeout: TimeoutField | None = None
    retry: Retry | None = None


class ReservedStep(StepBase):
    """Kinds of steps that are reserved for a later version: ``review`` and ``fleet``.

    Attributes:
        review: Reserved.
        fleet: Reserved.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["review"]}, {"required": ["fleet"]}]}
    )

    review: JsonValue = None
    fleet: JsonValue = None


KINDS: Final = {
    "action": "action",
    "approval": "approval",
    "wait": "wait",
    "until": "wait",
    "pipeline": "pipeline",
    "run": "run",
    "review": "reserved",
    "fleet": "reserved",
}
"""The key that makes a step what it is, and the kind that it makes."""

_MODELS: Final[dict[type[FileModel], str]] = {
    ActionStep: "action",
    ApprovalStep: "approval",
    WaitStep: "wait",
    PipelineStep: "pipeline",
    RunStep: "run",
    ReservedStep: "reserved",
}


def kind_of(step: object) -> str | None:
    """Return the kind of a step that is read, or ``None`` where it has no kind or several."""
    if not isinstance(step, Mapping):
        return _MODELS.get(type(step)) if isinstance(step, FileModel) else None
    found = {kind for key, kind in KINDS.items() if step.get(key) is not None}
    return found.pop() if len(found) == 1 else None


Step = Annotated[
    Annotated[ActionStep, Tag("action")]
    | Annotated[ApprovalStep, Tag("approval")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[PipelineStep, Tag("pipeline")]
    | Annotated[RunStep, Tag("run")]
    | Annotated[ReservedStep, Tag("reserved")],
    Discriminator(kind_of),
]
"""One step of any kind."""
