"""What the parts of a running job share."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perdure.emulator.execution import contexts
from perdure.emulator.execution.expressions import CaseSensitive, Scope
from perdure.emulator.execution.globbing import hash_files
from perdure.emulator.execution.instances import JobInstance, RunState
from perdure.emulator.execution.joblog import JobLog
from perdure.emulator.execution.sandbox import Sandbox


@dataclass(kw_only=True)
class Frame:
    """Where steps run: a job, or a composite action inside one.

    Attributes:
        inputs: The ``inputs`` context.
        env: Variables of the step that the composite action is.
        steps: The ``steps`` context as it grows.
        depth: 0 for the job.
        failed: Whether a step has failed; what ``success()`` asks inside a composite action.
        action: What of ``github`` differs in an action: ``action_path`` and so on.
    """

    inputs: Mapping[str, object]
    env: Mapping[str, str] = field(default_factory=dict)
    steps: dict[str, object] = field(default_factory=dict)
    depth: int = 0
    failed: bool = False
    action: Mapping[str, object] = field(default_factory=dict)


class JobState:
    """A job on its runner: folders, environment, status, log.

    Attributes:
        env: The job's variables: of the file, of the job, then those that steps add.
        paths: What steps put in front of PATH, the latest first.
        cancelled: Whether the job was told to stop.
    """

    def __init__(self, instance: JobInstance, run: RunState, runner_name: str, folder: Path) -> None:
        repository = run.request.repository.rpartition("/")[2]
        self.instance = instance
        self.run = run
        self.folder = folder
        self.workspace = folder / "work" / repository / repository
        self.log = JobLog(run.observer, instance.key, run.settings.max_log_bytes)
        self.runner = contexts.runner_context(runner_name, folder)
        self._event = self.temp / "event.json"
        self.github: dict[str, object] = {
            **run.github,
            "job": instance.definition.identifier,
            "workspace": str(self.workspace),
            "event_path": str(self._event),
        }
        self.env: dict[str, str] = {}
        self.paths: list[str] = []
        self.frame = Frame(inputs=instance.inputs)
        self.cancelled = False
        self.step_names: list[str] = []
        self._tracking = f"github_{uuid.uuid4()}"
        self.sandbox = Sandbox(
            folder,
            network=run.settings.network,
            hidden=(*run.settings.hidden, run.request.repository_dir),
            marker=f"RUNNER_TRACKING_ID={self._tracking}",
        )

    @property
    def temp(self) -> Path:
        """The folder for files that last as long as the job."""
        return self.folder / "temp"

    @property
    def status(self) -> str:
        """How the job stands: ``success``, ``failure`` or ``cancelled``."""
        if self.cancelled:
            return "cancelled"
        return "failure" if self.frame.failed else "success"

    def announce_steps(self, names: list[str]) -> None:
        """Tell the names of all steps, in full as far as they are known."""
        self.step_names = names
        self.run.observer.steps_known(self.instance.key, list(names))

    def prepare(self) -> None:
        """Make the job's folders, and the file with the event."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        for name in ("home", "temp", "tmp", "tools"):
            (self.folder / name).mkdir(exist_ok=True)
        self._event.write_text(json.dumps(self.run.request.event, indent=2), encoding="utf-8")

    def variables(self, frame: Frame, step_env: Mapping[str, str]) -> dict[str, str]:
        """Make the environment of a step: nothing in it comes from the emulator's own."""
        github = {**self.github, **frame.action}
        declared = {**self.env, **frame.env, **step_env}
        own = {
            "CI": "true",
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp" if self.sandbox.isolation.files else str(self.folder / "tmp"),  # noqa: S108 - its own
        }
        fixed = contexts.environment(github, self.runner)
        path = ":".join([*self.paths, declared.get("PATH", contexts.system_path())])
        return {**own, **declared, **fixed, "PATH": path, "RUNNER_TRACKING_ID": self._tracking}

    def scope(self, frame: Frame, step_env: Mapping[str, str] | None = None) -> Scope:
        """Make what an expression of a step may name."""
        instance = self.instance
        names: dict[str, object] = {
            "github": {**self.github, **frame.action},
            "inputs": frame.inputs,
            "env": CaseSensitive({**self.env, **frame.env, **(step_env or {})}),
            "vars": dict(self.run.request.variables),
            "secrets": {},
            "job": {"status": self.status, "container": {}, "services": {}},
            "steps": frame.steps,
            "runner": self.runner,
            "strategy": instance.strategy,
            "matrix": instance.matrix,
            "needs": instance.needs,
        }
        succeeded = not frame.failed and not self.cancelled
        return Scope(
            contexts=names,
            functions={
                "success": lambda _: succeeded,
                "failure": lambda _: frame.failed and not self.cancelled,
                "cancelled": lambda _: self.cancelled,
                "always": lambda _: True,
                "hashfiles": lambda patterns: hash_files(self.workspace, patterns),
            },
        )
