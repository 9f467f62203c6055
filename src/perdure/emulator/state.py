"""Everything that has happened in this emulator, in memory and in the state file."""

import random
import secrets
from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from perdure.emulator.identifiers import number_for
from perdure.emulator.pull_records import IssueComment, PullRequest, Review, ReviewComment
from perdure.emulator.records import (
    Artifact,
    CheckRun,
    CommitStatus,
    Delivery,
    Job,
    Record,
    Run,
    Secret,
    Variable,
    WorkflowState,
)
from perdure.emulator.store import Store

# Where GitHub's own counters stood in late 2026, and by how much they rise from one of ours to the next.
_FIRST = {"run": (20_363_538_233, 5_000), "job": (58_493_112_871, 9), "artifact": (4_700_000_000, 9)}
_ISSUE = "issue of "
_KEY_ID = 0


class Counter(Record):
    """The last number given out for a kind; numbers are never used twice, not even after a deletion."""

    kind: ClassVar[str] = "counter"
    name: str
    value: int


class State:
    """Runs, jobs and all else that requests and runs change."""

    def __init__(self, store: Store, clock: Callable[[], datetime], seed: int | None = None) -> None:
        self.store = store
        self.now = clock
        self.random = random.Random(seed)  # noqa: S311 - delays, not secrets
        self.runs = {run.id: run for run in store.load(Run)}
        self.jobs = {job.id: job for job in store.load(Job)}
        self.artifacts = {found.id: found for found in store.load(Artifact)}
        self.check_runs = {found.id: found for found in store.load(CheckRun)}
        self.statuses = {found.id: found for found in store.load(CommitStatus)}
        self.pulls = {found.id: found for found in store.load(PullRequest)}
        self.reviews = {found.id: found for found in store.load(Review)}
        self.review_comments = {found.id: found for found in store.load(ReviewComment)}
        self.issue_comments = {found.id: found for found in store.load(IssueComment)}
        self.variables = {found.id: found for found in store.load(Variable)}
        self.deliveries = {found.id: found for found in store.load(Delivery)}
        self._workflows = {(found.repository, found.path): found for found in store.load(WorkflowState)}
        self._counters = {found.name: found for found in store.load(Counter)}
        self._runs_of: dict[str, list[int]] = defaultdict(list)
        self._jobs_of: dict[int, list[int]] = defaultdict(list)
        for run in self.runs.values():
            insort(self._runs_of[run.repository.lower()], run.id)
        for job in self.jobs.values():
            insort(self._jobs_of[job.run_id], job.id)

    @property
    def folder(self) -> Path:
        """The folder of logs and artifacts."""
        return self.store.folder

    def secrets(self) -> tuple[str, set[str]]:
        """Return this emulator's own key and the ids of tokens that were given back."""
        found = {record.id: record.value for record in self.store.load(Secret)}
        if _KEY_ID not in found:
            found[_KEY_ID] = secrets.token_hex(32)
            self.store.put(Secret(id=_KEY_ID, value=found[_KEY_ID]))
            self.store.flush()
        return found.pop(_KEY_ID), set(found.values())

    def draw(self, span: tuple[float, float]) -> timedelta:
        """Draw a delay from a span of seconds."""
        return timedelta(seconds=self.random.uniform(*span))

    def next_id(self, kind: str) -> int:
        """Return the next number of a kind."""
        first, most = (1, 1) if kind.startswith(_ISSUE) else _FIRST.get(kind, (1_000, 1))
        counter = self._counters.get(kind)
        if counter is None:
            counter = Counter(id=len(self._counters) + 1, name=kind, value=first)
            self._counters[kind] = counter
        else:
            counter.value += self.random.randint(1, most)
        self.store.put(counter)
        return counter.value

    def next_number(self, repository: str) -> int:
        """Return the next number of an issue or pull request, which share one count."""
        return self.next_id(f"{_ISSUE}{repository.lower()}")

    def workflow(self, repository: str, path: str) -> WorkflowState:
        """Return what is remembered about a workflow file."""
        key = (repository, path)
        if key not in self._workflows:
            number = number_for("workflow", f"{repository}/{path}")
            self._workflows[key] = WorkflowState(id=number, repository=repository, path=path)
        return self._workflows[key]

    def runs_of(self, repository: str) -> list[Run]:
        """Return a repository's runs, newest first, also those that lists do not show yet."""
        return [self.runs[number] for number in reversed(self._runs_of[repository.lower()])]

    def jobs_of(self, run_id: int, attempt: int | None = None) -> list[Job]:
        """Return a run's jobs, or those of one attempt, in the order of their making."""
        jobs = [self.jobs[number] for number in self._jobs_of[run_id]]
        return [job for job in jobs if attempt in (None, job.attempt)]

    def artifacts_of(self, run_id: int) -> list[Artifact]:
        """Return a run's artifacts, newest first."""
        found = [artifact for artifact in self.artifacts.values() if artifact.run_id == run_id]
        return sorted(found, key=lambda artifact: -artifact.id)

    def add_run(self, run: Run) -> None:
        """Remember a run, a new one or a new attempt, before anyone is told of it."""
        if run.id not in self.runs:
            self.runs[run.id] = run
            insort(self._runs_of[run.repository.lower()], run.id)
        self.store.put(run)
        self.store.flush()

    def add_job(self, job: Job) -> None:
        """Remember a new job."""
        self.jobs[job.id] = job
        insort(self._jobs_of[job.run_id], job.id)
        self.store.put(job)

    def delete_job(self, job: Job) -> None:
        """Forget a job that never started."""
        del self.jobs[job.id]
        self._jobs_of[job.run_id].remove(job.id)
        self.store.delete(job)

    def changed(self, run: Run) -> None:
        """Note that a run is different now."""
        run.version += 1
        run.current.updated_at = self.now()
        self.store.put(run)

    def delete_run(self, run: Run) -> None:
        """Forget a run with its jobs and artifacts."""
        for job in self.jobs_of(run.id):
            del self.jobs[job.id]
            self.store.delete(job)
        for artifact in self.artifacts_of(run.id):
            del self.artifacts[artifact.id]
            self.store.delete(artifact)
        self._jobs_of.pop(run.id, None)
        self._runs_of[run.repository.lower()].remove(run.id)
        del self.runs[run.id]
        self.store.delete(run)
        self.store.flush()
