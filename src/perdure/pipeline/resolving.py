"""Turns a step's action into what is dispatched, once everything that it reads is known."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from perdure.errors import ExpressionError
from perdure.model.actions import CANCEL_TIMEOUT, ActionInput, OnAmbiguity
from perdure.model.typed_values import Value
from perdure.pipeline.inputs import OutputType, output_value
from perdure.pipeline.policies import Retry, Timeout
from perdure.pipeline.steps import ActionCall
from perdure.pipeline.templates import render_text


def action_input(call: ActionCall, contexts: Mapping[str, object], *, step: str = "") -> ActionInput:
    """Return the action that a compiled step or compensation asks for.

    Args:
        call: With defaults applied, as in a :class:`CompiledPipeline`.
        contexts: What its expressions read.
        step: Tells apart the actions of one pipeline.

    Raises:
        ExpressionError: An expression has no value, or one that cannot be a ref or a commit.
    """
    repository, _, workflow_file = call.action.rpartition("/")
    timeout, retry = call.timeout or Timeout(), call.retry or Retry()
    return ActionInput(
        repository=repository,
        workflow_file=workflow_file,
        ref=_ref(call.ref, contexts),
        inputs={name: render_text(value, contexts) for name, value in call.inputs.items()},
        step=step,
        expect_sha=_commit(call.expect_sha, contexts),
        accept=frozenset(call.accept),
        retry=retry,
        on_ambiguity=call.on_ambiguity or OnAmbiguity.REDISPATCH,
        queue_timeout=timeout.queue,
        run_timeout=timeout.run,
        cancel_timeout=CANCEL_TIMEOUT if timeout.cancel is None else timeout.cancel,
    )


def _ref(template: str | None, contexts: Mapping[str, object]) -> str | None:
    return (render_text(template, contexts) or None) if template is not None else None


def _commit(template: str | None, contexts: Mapping[str, object]) -> str | None:
    if template is None:
        return None
    commit = render_text(template, contexts)
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        msg = f"expect-sha is {commit[:80]!r}, which is no commit: 40 hexadecimal digits are needed"
        raise ExpressionError(msg)
    return commit


def typed_outputs(declared: Mapping[str, OutputType], given: Mapping[str, JsonValue]) -> dict[str, Value]:
    """Return the outputs that a step declares, as values of their types.

    Raises:
        ValueError: With each that is missing or of another type.
    """
    complaints: list[str] = []
    values: dict[str, Value] = {}
    for name, output_type in declared.items():
        if name not in given:
            complaints.append(f"{name} is missing")
            continue
        try:
            values[name] = output_value(output_type, given[name])
        except ValueError as error:
            complaints.append(f"{name} {error}")
    if complaints:
        msg = f"the run's outputs do not fit what the step declares: {'; '.join(complaints)}"
        raise ValueError(msg)
    return values
