"""One step at the moment it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from perdure.emulator.execution.definitions import StepDefinition
from perdure.emulator.execution.expressions import Scope, evaluate_tree, to_text
from perdure.emulator.execution.job_state import Frame, JobState
from perdure.emulator.execution.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Sequence


class StepFailedError(Exception):
    """A step cannot go on; the message, if there is one, is the error in its log."""


class Steps(Protocol):
    """Runs the steps of composite actions."""

    async def run(
        self, steps: "Sequence[StepDefinition]", frame: Frame, number: int, stop: Stop | None = None
    ) -> None:
        """Run steps one after another."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One step at the moment it runs.

    Attributes:
        env: Its own variables, evaluated.
        number: Where its log goes.
        name: ``github.action``: its id, or a name made for it.
        outputs: Filled while it runs.
    """

    job: JobState
    step: StepDefinition
    frame: Frame
    env: Mapping[str, str]
    number: int
    stop: Stop
    runner: Steps
    name: str
    outputs: dict[str, str] = field(default_factory=dict)

    def scope(self) -> Scope:
        """Make what its expressions may name."""
        return self.job.scope(self.frame, self.env)

    def arguments(self) -> dict[str, str]:
        """Evaluate ``with``; names come in lower case, as actions ignore it.

        Raises:
            ExpressionError: An expression fails.
        """
        scope = self.scope()
        return {
            name.lower(): to_text(evaluate_tree(value, scope)) for name, value in self.step.arguments.items()
        }

    def variables(self) -> dict[str, str]:
        """Make its environment, without the files for commands."""
        return {**self.job.variables(self.frame, self.env), "GITHUB_ACTION": self.name}

    def log(self, line: str) -> None:
        """Write a line to its log."""
        self.job.log.line(self.number, line)

    def log_error(self, message: str) -> None:
        """Write an error to its log, which annotates the job."""
        self.job.log.remark(self.number, "error", message)

    def log_warning(self, message: str) -> None:
        """Write a warning to its log, which annotates the job."""
        self.job.log.remark(self.number, "warning", message)
