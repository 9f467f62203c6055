"""Keeps messages that nobody should send from getting a workflow stuck.

A signal with more arguments than its handler takes, or with bytes where it takes a model, raises an error
inside the workflow's task. Temporal tries such a task again for ever, for it cannot know a poisoned message
from a bug: the workflow would never move again, and nobody could take the signal back.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_type_hints

from temporalio import workflow
from temporalio.worker import (
    HandleSignalInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from pydantic import TypeAdapter, ValidationError


class MessageInterceptor(Interceptor):
    """Leaves out signals that their handlers cannot take. For workers of Perdure's workflows."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return what stands before each workflow."""
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        handler = workflow.get_signal_handler(input.signal)
        if handler is not None:
            try:
                input.args = _fitting(handler, input.args)
            except (TypeError, ValidationError) as error:
                workflow.logger.warning("left out a signal %s: %s", input.signal, error)
                return
        await super().handle_signal(input)


def _fitting(handler: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments as the handler takes them.

    Raises:
        TypeError: There are too many or too few.
        ValidationError: One is of another type.
    """
    signature = inspect.signature(handler)
    bound = signature.bind(*arguments)
    # The SDK hands out a handler that is bound to its workflow as a partial, which has no hints itself.
    hints = get_type_hints(handler.func if isinstance(handler, partial) else handler)
    return [
        TypeAdapter(hints[name]).validate_python(value) if name in hints else value
        for name, given in bound.arguments.items()
        for value in (
            given if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL else (given,)
        )
    ]
