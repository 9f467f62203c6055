"""Executes Actions workflow files on this machine, as GitHub's runners would.

`WorkflowFile` reads a file and checks a dispatch; `RunExecution` runs one attempt of a run and tells a
`RunObserver` what happens. The contract between the two sides stands in
:py:mod:`perdure.emulator.execution.interface`.
"""

from perdure.emulator.execution.contexts import request_contexts
from perdure.emulator.execution.dispatch_inputs import DispatchInput
from perdure.emulator.execution.errors import DispatchRefusedError, WorkflowFileError
from perdure.emulator.execution.interface import (
    ExecutionSettings,
    JobResult,
    PlannedJob,
    RunObserver,
    RunRequest,
    Script,
)
from perdure.emulator.execution.run import RunExecution
from perdure.emulator.execution.workflow_file import WorkflowFile

__all__ = [
    "DispatchInput",
    "DispatchRefusedError",
    "ExecutionSettings",
    "JobResult",
    "PlannedJob",
    "RunExecution",
    "RunObserver",
    "RunRequest",
    "Script",
    "WorkflowFile",
    "WorkflowFileError",
    "request_contexts",
]
