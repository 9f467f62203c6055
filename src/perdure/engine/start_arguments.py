"""Fails a workflow whose start arguments cannot be read, instead of trying its first task for ever.

Whoever starts a workflow by hand, in Temporal's UI or from another language, may give it what it cannot
take. The SDK converts the arguments before any code of the workflow runs, so no code of the workflow can
refuse them; what the conversion raises is taken for a bug, which a later release may mend, and the task is
tried again for ever. Nobody is told. So the one who started it is told here, by a failure.

Only a first task that has failed is looked into. One that failed although the arguments can be read is a bug
indeed, and goes on being tried.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

from perdure.activities.failures import application_error
from perdure.errors import InvalidInputError
from perdure.workflows.building_blocks import first_complaint

if TYPE_CHECKING:
    from temporalio.worker._command_aware_visitor import CommandInfo


@dataclass(frozen=True)
class ArgumentCheckingRunner(SandboxedWorkflowRunner):
    """The sandbox, for workflows that refuse start arguments which they cannot read."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow that answers for its arguments."""
        return _Instance(super().create_instance(det), det)


class _Instance(WorkflowInstance):
    def __init__(self, inner: WorkflowInstance, details: WorkflowInstanceDetails) -> None:
        self._inner = inner
        self._details = details

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        start = next(
            (job.initialize_workflow for job in act.jobs if job.HasField("initialize_workflow")), None
        )
        if start is None or not self._details.defn.name:
            return self._inner.activate(act)
        # What is cheap to see, first: such a workflow is not even made.
        if complaint := self._miscounted(start.arguments) or self._not_given(start.arguments):
            return self._refusal(complaint)
        completion = self._inner.activate(act)
        if completion.HasField("failed") and (complaint := self._unreadable(start.arguments)):
            return self._refusal(complaint)
        return completion

    def _miscounted(self, arguments: Sequence[Payload]) -> str:
        # Without the workflow itself.
        taken = list(inspect.signature(self._details.defn.run_fn).parameters.values())[1:]
        required = sum(one.default is one.empty for one in taken)
        if required <= len(arguments) <= len(taken):
            return ""
        wanted = str(required) if required == len(taken) else f"{required} to {len(taken)}"
        plural = "" if wanted == "1" else "s"
        return f"takes {wanted} argument{plural}, not {len(arguments)}"

    def _not_given(self, arguments: Sequence[Payload]) -> str:
        """Find a null, which the SDK converts to None whatever is asked for."""
        for type_, argument in zip(self._details.defn.arg_types or (), arguments, strict=False):
            if argument.metadata.get("encoding") == b"binary/null":
                try:
                    TypeAdapter(type_).validate_python(None)
                except ValidationError:
                    return "the argument is null"
        return ""

    def _unreadable(self, arguments: Sequence[Payload]) -> str:
        types = self._details.defn.arg_types
        if types and len(types) != len(arguments):
            types = None
        try:
            self._details.payload_converter_factory().from_payloads(arguments, types)
        except ValidationError as invalid:
            return first_complaint(invalid, nowhere="the argument")
        except Exception as error:  # whatever it is: it is why the task has failed
            return f"the argument cannot be read: {error}"
        return ""

    def _refusal(self, complaint: str) -> WorkflowActivationCompletion:
        completion = WorkflowActivationCompletion()
        self._details.failure_converter_class().to_failure(
            application_error(InvalidInputError(f"{self._details.defn.name}: {complaint}")),
            self._details.payload_converter_factory(),
            completion.successful.commands.add().fail_workflow_execution.failure,
        )
        return completion

    def get_serialization_context(self, command_info: "CommandInfo | None") -> SerializationContext | None:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: "CommandInfo | None") -> StorageDriverStoreContext:
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()
