"""What ``uses`` brings: stand-ins for a few actions, and composite actions of the same repository."""

from perdure.emulator.execution.definitions import StepDefinition
from perdure.emulator.execution.invocation import Invocation
from perdure.emulator.execution.job_state import StepFailedError


async def perform_action(invocation: Invocation) -> None:
    """Do what the action of a step does.

    Raises:
        StepFailedError: It failed, or the emulator has no stand-in for it.
    """
    raise StepFailedError(f"the emulator has no stand-in for {invocation.step.uses}")


def needs_post_step(step: StepDefinition) -> bool:
    """Tell whether an action does something after the last step of its job."""
    return step.uses is not None and step.uses.lower().startswith("actions/checkout@")
