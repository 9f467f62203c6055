"""A plan: a pipeline, the commit that each of its actions runs on, and everybody and everything it asks for.

Whoever approves a release approves what stands in its plan. So a branch that moves between the plan and the
run must not change what is released: a planned action runs on its commit, or fails.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic import Field, JsonValue, ValidationError

from perdure.errors import PlanError
from perdure.model.base import Model
from perdure.pipeline.compiling import CompiledPipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.policies import ConcurrencyPolicy
from perdure.pipeline.references import references
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.templates import parts_of

START = "the start"
"""What the context ``pipeline`` is known after."""


class PlannedAction(Model):
    """One Actions workflow that the pipeline may dispatch.

    Attributes:
        key: The job that dispatches it, or that it undoes; a child pipeline's begin with its own job's.
        action: ``owner/repository/file.yml``.
        ref: Branch or tag, resolved where the file leaves it out; as written where it is known later.
        sha: The commit that the ref names; empty where it is known later, and for what undoes a job.
        known_after: The step after which the ref is known; empty where it is known.
        expect_sha: The commit that the file asks for, where that is known.
        inputs: With their values, or as they are written where they are known later.
        late_inputs: Each of the latter, and the step after which it is known.
    """

    key: str
    action: str
    ref: str = ""
    sha: str = ""
    known_after: str = ""
    expect_sha: str = ""
    inputs: dict[str, str] = Field(default_factory=dict)
    late_inputs: dict[str, str] = Field(default_factory=dict)

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return self.action.rpartition("/")[0]

    @property
    def workflow_file(self) -> str:
        """The file's name."""
        return self.action.rpartition("/")[2]


class PlannedApproval(Model):
    """One decision that people are asked for."""

    key: str
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    prevent_self_approval: bool = True
    timeout: timedelta
    on_timeout: str = "reject"
    escalate_to: tuple[str, ...] = ()


class PlannedGroup(Model):
    """One concurrency group that is entered.

    Attributes:
        key: The job that enters it; empty for the whole pipeline.
        group: Its name, or as it is written where it is known later.
        known_after: The step after which it is known; empty where it is known.
    """

    key: str = ""
    group: str
    policy: ConcurrencyPolicy
    known_after: str = ""


class Plan(Model):
    """A pipeline resolved to exact commits, inputs and approvers.

    Attributes:
        pipeline: Compiled: inputs checked, matrices expanded.
        files: Pipelines that steps run, by the path that the step names.
        actions: What is dispatched, in the order of the pipeline.
        approvals: What people decide.
        groups: What is entered one at a time.
        compensations: What undoes the jobs if all have succeeded, in that order. It runs on the commit that
            its branch names then: a rollback is not refused because somebody pushed meanwhile.
        warnings: What a person should know.
        digest: Of everything above: what approvals are bound to.
    """

    pipeline: CompiledPipeline
    files: dict[str, PipelineFile] = Field(default_factory=dict)
    actions: tuple[PlannedAction, ...] = ()
    approvals: tuple[PlannedApproval, ...] = ()
    groups: tuple[PlannedGroup, ...] = ()
    compensations: tuple[PlannedAction, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""

    @property
    def pins(self) -> dict[str, str]:
        """The commit that each action must run on, by job, where it is known."""
        return {action.key: action.sha for action in self.actions if action.sha}

    @property
    def dispatches(self) -> int:
        """How many dispatches there are at most, without retries and without undoing."""
        return len(self.actions)

    def sealed(self) -> "Plan":
        """Return the plan with its digest."""
        return self.model_copy(update={"digest": self._computed_digest()})

    def is_intact(self) -> bool:
        """Whether nothing was changed since the digest was made."""
        return self.digest == self._computed_digest()

    def _computed_digest(self) -> str:
        return plan_digest(self.model_copy(update={"digest": ""}))


def read_plan(text: str) -> Plan:
    """Read a plan that was written to a file.

    Raises:
        PlanError: It is none, or was changed since.
    """
    again = "make it again with: perdure pipeline plan FILE --out PLAN"
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError as error:
        raise PlanError(f"this is no plan: {error.errors()[0]['msg']}", hint=again) from None
    if not plan.is_intact():
        raise PlanError("the plan was changed after it was made: its digest does not fit", hint=again)
    return plan


def known_after(template: JsonValue, steps: Mapping[str, int]) -> str:
    """Return after which step a value is known, or nothing where it is known before the run.

    Args:
        template: A value that may hold expressions.
        steps: The place of each step in the pipeline's order.
    """
    waits = set(_waits(template))
    named = [name for name in waits if name in steps]
    if named:
        return max(named, key=lambda name: steps[name])
    return START if waits else ""


def _waits(template: JsonValue) -> Iterator[str]:
    if isinstance(template, list):
        for one in template:
            yield from _waits(one)
    elif isinstance(template, dict):
        yield from _waits(list(template.values()))
    elif isinstance(template, str):
        for part in parts_of(template):
            for found in references(part.text) if part.is_expression else ():
                if found.names[0] == "steps":
                    yield found.names[1] if len(found.names) > 1 else ""
                elif found.names[0] == "pipeline":
                    yield ""
