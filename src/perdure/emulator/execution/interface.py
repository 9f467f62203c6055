"""What the wire hands to an execution, and what it hears from it.

The wire makes a :py:class:`RunRequest`, listens as a :py:class:`RunObserver`, and awaits
``RunExecution(request, observer, settings).run()``. How the parts refer to each other:

* A job is named by ``PlannedJob.key``: the id of the job in the file, with the values of its matrix in
  parentheses (``build (1, linux)``) and, in a called workflow, behind its caller (``release / build``).
  ``PlannedJob.name`` is what people see.
* A step is named by its number: 1 is ``Set up job``, and the names from ``steps_known`` count from 1 too.
* ``jobs_planned`` comes first for the jobs that need no other, and again whenever finished jobs let more be
  known, as GitHub creates them; a job is planned before anything else is said about it. Jobs that a re-run
  keeps are never planned: what was known of them stays true.
* ``steps_known`` comes after ``job_started`` and may come again when a step's name becomes known later.
* A skipped job is planned and finished, a cancelled one possibly never started. A skipped step is finished
  without having been started.
* ``annotation`` levels are those of the API: ``notice``, ``warning``, ``failure``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How a job ended, as the jobs that need it see it.

    Attributes:
        result: ``success``, ``failure``, ``cancelled`` or ``skipped``.
        outputs: Its outputs, as texts.
    """

    result: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """One job of a run: one instance where there is a matrix."""

    key: str
    name: str
    labels: tuple[str, ...]
    matrix: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One attempt of one run.

    Attributes:
        repository: ``owner/repo``.
        workflow_path: ``.github/workflows/x.yml``.
        repository_dir: The git repository to check out from, bare or not.
        ref: ``refs/heads/main`` or ``refs/tags/v1``.
        event: The event's payload, with its ``inputs``.
        inputs: The inputs as checked by ``WorkflowFile.check_dispatch``.
        variables: The ``vars`` context.
        work_dir: A scratch folder that belongs to this run alone.
        only_jobs: Keys of the jobs to execute again; ``None`` for all.
        earlier_jobs: How the jobs ended that a re-run keeps, by key.
    """

    run_id: int
    run_number: int
    run_attempt: int
    repository: str
    workflow_path: str
    workflow_text: str
    repository_dir: Path
    head_sha: str
    ref: str
    event: dict[str, object]
    inputs: dict[str, str]
    actor: str
    actor_id: int
    server_url: str
    api_url: str
    variables: dict[str, str]
    work_dir: Path
    only_jobs: frozenset[str] | None = None
    earlier_jobs: Mapping[str, JobResult] = field(default_factory=dict)
    event_name: str = "workflow_dispatch"
    triggering_actor: str | None = None
    repository_id: int = 0
    owner_id: int = 0


Script = Literal["fail", "hang"]


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """How executions behave on this machine.

    Attributes:
        pick_up_delay: Seconds until a runner picks a job up, drawn between the two.
        network: Whether steps may reach the network.
        max_parallel_jobs: Jobs of one run that run at once.
        hidden: Folders that steps must not see, such as the one that all repositories are served from.
        cancel_waits: Seconds from SIGINT to SIGTERM, and from there to SIGKILL. ``None`` for GitHub's own,
            or a tenth of them where jobs are picked up at once.
        max_log_bytes: Where the log of a step is cut off.
        script: What the first step that each job comes to does in place of its own work.
    """

    pick_up_delay: tuple[float, float]
    network: bool
    max_parallel_jobs: int = 4
    hidden: tuple[Path, ...] = ()
    cancel_waits: tuple[float, float] | None = None
    max_log_bytes: int = 16 * 1024 * 1024
    script: Script | None = None

    @property
    def interrupt_wait(self) -> float:
        """Seconds between SIGINT and SIGTERM."""
        return self._waits[0]

    @property
    def terminate_wait(self) -> float:
        """Seconds between SIGTERM and SIGKILL."""
        return self._waits[1]

    @property
    def _waits(self) -> tuple[float, float]:
        # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
        if self.cancel_waits is not None:
            return self.cancel_waits
        return (7.5, 2.5) if self.pick_up_delay[1] > 0 else (0.75, 0.25)


class RunObserver(Protocol):
    """Hears what happens in a run; every method is plain and cheap."""

    def jobs_planned(self, names: Sequence[PlannedJob]) -> None:
        """Hear of jobs that will be queued, skipped or cancelled."""

    def job_queued(self, job: str) -> None:
        """Hear that a job waits for a runner."""

    def job_started(self, job: str, runner_name: str) -> None:
        """Hear that a runner has picked the job up; its only step yet is ``Set up job``."""

    def steps_known(self, job: str, steps: Sequence[str]) -> None:
        """Hear the names of all steps."""

    def step_started(self, job: str, number: int) -> None:
        """Hear that a step runs."""

    def step_finished(self, job: str, number: int, conclusion: str) -> None:
        """Hear that a step ended: ``success``, ``failure``, ``cancelled`` or ``skipped``."""

    def log(self, job: str, number: int, line: str) -> None:
        """Take one line of a step's log, without its newline, secrets masked."""

    def summary(self, job: str, number: int, markdown: str) -> None:
        """Take what a step wrote to its summary."""

    def annotation(self, job: str, level: str, message: str, properties: Mapping[str, str]) -> None:
        """Take a ``notice``, ``warning`` or ``failure``; properties are file, line, title and so on."""

    def artifact_uploaded(self, name: str, archive: Path) -> None:
        """Take a complete zip file, which is removed when this returns."""

    def artifact(self, name: str) -> Path | None:
        """Find the zip file of an artifact of this run."""

    def job_finished(self, job: str, conclusion: str, outputs: Mapping[str, str]) -> None:
        """Hear that a job ended: ``success``, ``failure``, ``cancelled`` or ``skipped``."""
