"""An observer that remembers, and a way to run a file in one call."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from perdure.emulator.execution import (
    ExecutionSettings,
    JobResult,
    PlannedJob,
    RunExecution,
    RunRequest,
    WorkflowFile,
)


@dataclass
class Recorder:
    """Remembers everything that an execution says."""

    artifacts: dict[str, bytes] = field(default_factory=dict)
    folder: Path = Path()
    planned: dict[str, PlannedJob] = field(default_factory=dict)
    events: list[tuple[str, ...]] = field(default_factory=list)
    step_names: dict[str, list[str]] = field(default_factory=dict)
    step_ends: dict[str, dict[int, str]] = field(default_factory=dict)
    logs: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    summaries: list[str] = field(default_factory=list)
    annotations: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    on_log: object = None

    def jobs_planned(self, names: Sequence[PlannedJob]) -> None:
        self.planned.update({job.key: job for job in names})
        self.events += [("planned", job.key) for job in names]

    def job_queued(self, job: str) -> None:
        self.events.append(("queued", job))

    def job_started(self, job: str, runner_name: str) -> None:
        self.events.append(("started", job))

    def steps_known(self, job: str, steps: Sequence[str]) -> None:
        self.step_names[job] = list(steps)

    def step_started(self, job: str, number: int) -> None:
        self.events.append(("step started", job, str(number)))

    def step_finished(self, job: str, number: int, conclusion: str) -> None:
        self.events.append(("step finished", job, str(number)))
        self.step_ends.setdefault(job, {})[number] = conclusion

    def log(self, job: str, number: int, line: str) -> None:
        self.logs.setdefault((job, number), []).append(line)
        if callable(self.on_log):
            self.on_log(line)

    def summary(self, job: str, number: int, markdown: str) -> None:
        self.summaries.append(markdown)

    def annotation(self, job: str, level: str, message: str, properties: Mapping[str, str]) -> None:
        self.annotations.append((job, level, message, dict(properties)))

    def artifact_uploaded(self, name: str, archive: Path) -> None:
        self.artifacts[name] = archive.read_bytes()

    def artifact(self, name: str) -> Path | None:
        if name not in self.artifacts:
            return None
        path = self.folder / f"{name}.zip"
        path.write_bytes(self.artifacts[name])
        return path

    def job_finished(self, job: str, conclusion: str, outputs: Mapping[str, str]) -> None:
        self.events.append(("finished", job))
        self.ends[job] = conclusion
        self.outputs[job] = dict(outputs)

    def log_of(self, job: str, number: int) -> list[str]:
        return self.logs.get((job, number), [])

    def text(self) -> str:
        return "\n".join(line for lines in self.logs.values() for line in lines)

    def printed(self, job: str, number: int) -> list[str]:
        """What a script wrote, without the runner's own lines around it."""
        lines = self.log_of(job, number)
        start = lines.index("##[endgroup]") + 1 if "##[endgroup]" in lines else 0
        return lines[start:]


FAST = ExecutionSettings(pick_up_delay=(0.0, 0.0), network=False, cancel_waits=(0.2, 0.2))


@dataclass
class Runner:
    """Runs workflow files in a folder of its own."""

    folder: Path
    repository_dir: Path
    head_sha: str = "a" * 40
    last: RunExecution | None = None
    count: int = 0

    def prepare(
        self, text: str, inputs: Mapping[str, object] | None = None, **changes: object
    ) -> RunExecution:
        self.count += 1
        text = textwrap.dedent(text)
        settings = changes.pop("settings", FAST)
        self.recorder = changes.pop("recorder", None) or Recorder()
        self.recorder.folder = self.folder
        texts = WorkflowFile.parse(text).check_dispatch(inputs or {}) if inputs is not None else {}
        values: dict[str, object] = {
            "run_id": 20_000_000_001,
            "run_number": 7,
            "run_attempt": 1,
            "repository": "octo/example",
            "workflow_path": ".github/workflows/example.yml",
            "workflow_text": text,
            "repository_dir": self.repository_dir,
            "head_sha": self.head_sha,
            "ref": "refs/heads/main",
            "event": {"inputs": texts},
            "inputs": texts,
            "actor": "octocat",
            "actor_id": 583231,
            "server_url": "http://127.0.0.1:1",
            "api_url": "http://127.0.0.1:1/api/v3",
            "variables": {"COLOUR": "blue"},
            "work_dir": self.folder / f"run-{self.count}",
            **changes,
        }
        self.last = RunExecution(RunRequest(**values), self.recorder, settings)
        return self.last

    async def run(self, text: str, inputs: Mapping[str, object] | None = None, **changes: object) -> str:
        return await self.prepare(text, inputs, **changes).run()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    repository = tmp_path / "served" / "octo" / "example"
    repository.mkdir(parents=True)
    return Runner(folder=tmp_path, repository_dir=repository)


__all__ = ["FAST", "JobResult", "Recorder", "Runner"]
