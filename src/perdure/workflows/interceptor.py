"""Keeps messages that nobody should send from getting a workflow stuck.

A signal with more arguments than its handler takes, or with bytes where it takes a model, raises an error
inside the workflow's task. Temporal tries such a task again for ever, for it cannot know a poisoned message
from a bug: the workflow would never move again, and nobody could take the signal back.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
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
    signature, adapters = _taken_by(handler.func) if isinstance(handler, partial) else _read_off(handler)
    bound = signature.bind(*(handler.args if isinstance(handler, partial) else ()), *arguments)
    fitting: list[Any] = []
    for name, given in bound.arguments.items():
        is_many = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        adapter = adapters.get(name)
        values = given if is_many else (given,)
        fitting += [adapter.validate_python(value) for value in values] if adapter else values
    # The workflow that a handler is bound to is no argument of the message.
    return fitting[len(handler.args) :] if isinstance(handler, partial) else fitting


def _read_off(handler: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, TypeAdapter[Any]]]:
    hints = get_type_hints(handler)
    adapters = {
        name: TypeAdapter(hint) for name, hint in hints.items() if name != "return" and hint is not object
    }
    return inspect.signature(handler), adapters


# Thousands of signals may have to be handled within the two seconds that a workflow's task may take.
_taken_by = lru_cache(maxsize=64)(_read_off)
