"""Turns what an execution says into records, logs and webhooks."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from perdure.emulator.execution import PlannedJob
from perdure.emulator.logs import Logs
from perdure.emulator.records import Annotation, Artifact, Job, Run, Step
from perdure.emulator.state import State
from perdure.emulator.webhooks import Webhooks

ARTIFACT_LIFETIME = timedelta(days=90)
_FIRST_RUNNER = 1_000_000_000


class RunRecorder:
    """Listens to one attempt of one run."""

    def __init__(self, run: Run, state: State, logs: Logs, webhooks: Webhooks) -> None:
        self._run = run
        self._attempt = run.current.number
        self._state = state
        self._logs = logs
        self._webhooks = webhooks
        self._jobs: dict[str, Job] = {}

    def jobs_planned(self, names: Sequence[PlannedJob]) -> None:
        """Make the jobs' records."""
        now = self._state.now()
        for planned in names:
            job = Job(
                id=self._state.next_id("job"),
                run_id=self._run.id,
                attempt=self._attempt,
                key=planned.key,
                name=planned.name,
                labels=list(planned.labels),
                created_at=now,
                started_at=now,
            )
            self._jobs[planned.key] = job
            self._state.add_job(job)
        self._state.changed(self._run)

    def job_queued(self, job: str) -> None:
        """Note that a job waits for a runner."""
        self._changed(self._jobs[job])
        self._webhooks.workflow_job("queued", self._run, self._jobs[job])

    def job_started(self, job: str, runner_name: str) -> None:
        """Note that a runner took the job, and that the run is in progress."""
        found, now = self._jobs[job], self._state.now()
        found.status, found.started_at, found.runner_name = "in_progress", now, runner_name
        digits = "".join(filter(str.isdigit, runner_name))
        found.runner_id = int(digits) if digits else _FIRST_RUNNER
        found.steps = [Step(number=1, name="Set up job", status="in_progress", started_at=now)]
        self._changed(found)
        if self._run.status == "queued":
            self._run.current.status = "in_progress"
            self._state.changed(self._run)
            self._webhooks.workflow_run("in_progress", self._run)
        # A job must not begin twice: after a kill this is what tells a lost run from one that still waits.
        self._state.store.flush()
        self._webhooks.workflow_job("in_progress", self._run, found)

    def steps_known(self, job: str, steps: Sequence[str]) -> None:
        """Note the names of the steps."""
        found = self._jobs[job]
        known = {step.number: step for step in found.steps}
        found.steps = [
            known.get(number) or Step(number=number, name=name) for number, name in enumerate(steps, 1)
        ]
        for step, name in zip(found.steps, steps, strict=True):
            step.name = name
        self._changed(found)

    def step_started(self, job: str, number: int) -> None:
        """Note that a step runs."""
        step = self._jobs[job].step(number)
        step.status, step.started_at = "in_progress", step.started_at or self._state.now()
        self._changed(self._jobs[job])

    def step_finished(self, job: str, number: int, conclusion: str) -> None:
        """Note how a step ended."""
        step, now = self._jobs[job].step(number), self._state.now()
        step.status, step.conclusion, step.completed_at = "completed", conclusion, now
        step.started_at = step.started_at or now
        self._changed(self._jobs[job])
        self._logs.flush(self._jobs[job])

    def log(self, job: str, number: int, line: str) -> None:
        """Keep one line of a log."""
        self._logs.write(self._jobs[job], number, line, self._state.now())

    def summary(self, job: str, number: int, markdown: str) -> None:
        """Keep a step's summary."""
        self._jobs[job].summaries[number] = markdown
        self._changed(self._jobs[job])

    def annotation(self, job: str, level: str, message: str, properties: Mapping[str, str]) -> None:
        """Keep an annotation."""
        found = Annotation(level=level, message=message, properties=dict(properties))
        self._jobs[job].annotations.append(found)
        self._changed(self._jobs[job])

    def artifact_uploaded(self, name: str, archive: Path) -> None:
        """Keep an artifact: the file is copied, because the caller removes its own."""
        number, now = self._state.next_id("artifact"), self._state.now()
        file = f"artifacts/{self._run.id}/{number}.zip"
        target = self._state.folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, target)
        with target.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        artifact = Artifact(
            id=number,
            run_id=self._run.id,
            attempt=self._attempt,
            name=name,
            size=target.stat().st_size,
            digest=f"sha256:{digest}",
            created_at=now,
            expires_at=now + ARTIFACT_LIFETIME,
            file=file,
        )
        self._state.artifacts[number] = artifact
        self._state.store.put(artifact)

    def artifact(self, name: str) -> Path | None:
        """Find the newest artifact of this run by name."""
        for artifact in self._state.artifacts_of(self._run.id):
            if artifact.name == name:
                return self._state.folder / artifact.file
        return None

    def job_finished(self, job: str, conclusion: str, outputs: Mapping[str, str]) -> None:
        """Note how a job ended."""
        found, now = self._jobs[job], self._state.now()
        found.status, found.conclusion, found.completed_at = "completed", conclusion, now
        found.outputs = dict(outputs)
        self._changed(found)
        self._logs.flush(found)
        self._webhooks.workflow_job("completed", self._run, found)

    def _changed(self, job: Job) -> None:
        self._state.store.put(job)
