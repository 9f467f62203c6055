"""What a workflow file says about being dispatched, and whether inputs fit it."""

import difflib
from collections.abc import Mapping

from perdure.errors import InvalidInputError, WorkflowNotDispatchableError
from perdure.model.base import Model
from perdure.model.dispatch import (
    DISPATCH_ID_INPUT,
    Correlation,
    DispatchInput,
    check_caller_inputs,
)

TRIGGER_TO_ADD = "on:\n  workflow_dispatch:\n    inputs:\n      dispatch_id:\n        type: string\n"
"""What makes a workflow file one that Perdure can dispatch, and find again."""


class WorkflowFileFacts(Model):
    """What a workflow file says about being dispatched.

    Attributes:
        dispatch_inputs: The inputs that it takes, by name; ``None`` where it cannot be dispatched at all.
        correlation: Where its runs show their dispatch id.
        concurrency_group: The group that may hold its runs back, as it is written.
    """

    dispatch_inputs: dict[str, DispatchInput] | None = None
    correlation: Correlation = Correlation.NONE
    concurrency_group: str | None = None

    @property
    def takes_dispatch_id(self) -> bool:
        """Whether the dispatch id may be sent as an input."""
        return DISPATCH_ID_INPUT in (self.dispatch_inputs or {})


def check_inputs(facts: WorkflowFileFacts, inputs: Mapping[str, str], *, limit: int = 25) -> dict[str, str]:
    """Return the caller's inputs if the workflow file takes them as they are.

    Args:
        facts: What the file says.
        inputs: The caller's, without the dispatch id.
        limit: Inputs that GitHub takes; 10 on GitHub Enterprise Server up to 3.19.

    Raises:
        WorkflowNotDispatchableError: The file has no ``workflow_dispatch`` trigger.
        InvalidInputError: An input is unknown, missing, not allowed or one too many.
    """
    if facts.dispatch_inputs is None:
        raise WorkflowNotDispatchableError(
            "the workflow file has no workflow_dispatch trigger", hint=f"add this to it:\n{TRIGGER_TO_ADD}"
        )
    check_caller_inputs(dict(inputs), limit=limit)
    takes = {name: each for name, each in facts.dispatch_inputs.items() if name != DISPATCH_ID_INPUT}
    for name, value in inputs.items():
        if name not in takes:
            raise _unknown(name, takes)
        _check_value(takes[name], value)
    for name, each in takes.items():
        # GitHub takes a default, and an unset checkbox, for what is left out.
        if each.required and each.default is None and not inputs.get(name) and each.type != "boolean":
            raise InvalidInputError(f"input {name} is required", hint=f"give it: -f {name}=VALUE")
    return dict(inputs)


def _unknown(name: str, takes: Mapping[str, DispatchInput]) -> InvalidInputError:
    nearest = difflib.get_close_matches(name, takes, n=1, cutoff=0.5)
    known = f"the workflow file takes {', '.join(sorted(takes))}" if takes else "the workflow file takes none"
    hint = f"did you mean {nearest[0]}? {known}" if nearest else known
    return InvalidInputError(f"input {name} is not known", hint=hint)


def _check_value(dispatch_input: DispatchInput, value: str) -> None:
    allowed: tuple[str, ...] = ()
    if dispatch_input.type == "choice":
        allowed = dispatch_input.options
    elif dispatch_input.type == "boolean":
        allowed = ("true", "false")
    if allowed and value not in allowed:
        nearest = difflib.get_close_matches(value, allowed, n=1)
        hint = f"allowed are {', '.join(allowed)}" + (f"; did you mean {nearest[0]}?" if nearest else "")
        raise InvalidInputError(f"input {dispatch_input.name} may not be {value!r}", hint=hint)
    if dispatch_input.type == "number":
        try:
            float(value)
        except ValueError:
            msg = f"input {dispatch_input.name} has to be a number, not {value!r}"
            raise InvalidInputError(msg) from None
