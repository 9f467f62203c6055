"""One job with one combination of its matrix, and the run that it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.emulator.execution.definitions import JobDefinition
from perdure.emulator.execution.interface import ExecutionSettings, RunObserver, RunRequest
from perdure.emulator.execution.workflow_file import WorkflowFile


@dataclass(frozen=True, kw_only=True)
class JobInstance:
    """One job with one combination of its matrix.

    Attributes:
        key: What names it towards the observer.
        name: What people see.
        file: The file that defines it, whose ``env`` and ``defaults`` apply.
        inputs: The ``inputs`` context of that file.
        needs: The ``needs`` context.
        strategy: The ``strategy`` context.
        forgiven: Whether its failure counts as success to the run (``continue-on-error``).
    """

    key: str
    name: str
    definition: JobDefinition
    file: WorkflowFile
    labels: tuple[str, ...] = ()
    inputs: Mapping[str, object] = field(default_factory=dict)
    needs: Mapping[str, object] = field(default_factory=dict)
    matrix: Mapping[str, object] = field(default_factory=dict)
    strategy: Mapping[str, object] = field(default_factory=dict)
    forgiven: bool = False


@dataclass(kw_only=True)
class RunState:
    """What the jobs of a run share.

    Attributes:
        github: The ``github`` context of the run.
        called: The files that its jobs call, by path in the repository.
        cancelled: Whether the run was told to stop.
        killed: Whether nothing more may run at all.
        artifacts: Names of what its jobs uploaded.
        jobs_started: How many jobs have been picked up so far.
    """

    request: RunRequest
    observer: RunObserver
    settings: ExecutionSettings
    file: WorkflowFile
    github: Mapping[str, object]
    called: Mapping[str, WorkflowFile] = field(default_factory=dict)
    cancelled: bool = False
    killed: bool = False
    artifacts: set[str] = field(default_factory=set)
    jobs_started: int = 0
