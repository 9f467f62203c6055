"""What ``uses`` brings: stand-ins for a few actions, and composite actions of the same repository."""

from collections.abc import Awaitable, Callable

from perdure.emulator.execution.actions.artifacts import download_artifact, upload_artifact
from perdure.emulator.execution.actions.checkout import checkout
from perdure.emulator.execution.actions.composite import run_composite
from perdure.emulator.execution.definitions import StepDefinition
from perdure.emulator.execution.invocation import Invocation, StepFailedError

_STAND_INS: dict[str, Callable[[Invocation], Awaitable[None]]] = {
    "actions/checkout": checkout,
    "actions/upload-artifact": upload_artifact,
    "actions/download-artifact": download_artifact,
}


async def perform_action(invocation: Invocation) -> None:
    """Do what the action of a step does.

    Raises:
        StepFailedError: It failed, or the emulator has no stand-in for it.
        ExpressionError: One of its inputs cannot be evaluated.
    """
    uses = invocation.step.uses or ""
    _announce(invocation, uses)
    if uses.startswith("./"):
        await run_composite(invocation)
        return
    name, at, reference = uses.partition("@")
    stand_in = _STAND_INS.get(name.lower())
    if stand_in is None:
        raise StepFailedError(f"the emulator has no stand-in for {uses}")
    if not (at and reference):
        raise StepFailedError(
            f"Expected format {{org}}/{{repo}}[/path]@ref. Actual '{uses}'. "
            "Input string was not in a correct format."
        )
    await stand_in(invocation)


def _announce(invocation: Invocation, uses: str) -> None:
    shown = {
        "with": invocation.arguments(),
        "env": {**invocation.job.env, **invocation.frame.env, **invocation.env},
    }
    invocation.log(f"##[group]Run {uses}")
    for title, values in shown.items():
        if values:
            invocation.log(f"{title}:")
        for name, value in values.items():
            for line in f"  {name}: {value}".splitlines():
                invocation.log(line)
    invocation.log("##[endgroup]")


def needs_post_step(step: StepDefinition) -> bool:
    """Tell whether an action does something after the last step of its job."""
    return step.uses is not None and step.uses.lower().startswith("actions/checkout@")
