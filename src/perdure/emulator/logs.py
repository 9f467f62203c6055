"""Job logs: one file per job, one line per line, each with its step's number and its time."""

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from perdure.emulator.records import Job

_FLUSH_LINES = 200


class Logs:
    """Reads and writes the logs of all jobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "logs"
        self._folder.mkdir(exist_ok=True)
        self._waiting: dict[int, list[str]] = defaultdict(list)

    def write(self, job: Job, step: int, line: str, at: datetime) -> None:
        """Add one line; it reaches the file when the step ends, or a little later in a long one."""
        waiting = self._waiting[job.id]
        waiting.append(f"{step}\t{at.strftime('%Y-%m-%dT%H:%M:%S.%f')}0Z {line}\n")
        if len(waiting) >= _FLUSH_LINES:
            self.flush(job)

    def flush(self, job: Job) -> None:
        """Write what waits."""
        waiting = self._waiting.pop(job.id, None)
        if waiting:
            with self._path(job).open("a", encoding="utf-8", errors="replace", newline="\n") as file:
                file.writelines(waiting)

    def text(self, job: Job) -> str:
        """Return a job's whole log as GitHub serves it."""
        return "".join(line for _, line in self._lines(job))

    def steps(self, job: Job) -> dict[int, str]:
        """Return the log of each step."""
        found: dict[int, list[str]] = defaultdict(list)
        for step, line in self._lines(job):
            found[step].append(line)
        return {step: "".join(lines) for step, lines in found.items()}

    def archive(self, jobs: Sequence[Job]) -> bytes:
        """Return a run's logs as a zip file: one file per job, and a folder of its steps."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, job in enumerate(jobs):
                name = _file_name(job.name)
                archive.writestr(f"{number}_{name}.txt", self.text(job))
                by_step = self.steps(job)
                for step in job.steps:
                    if step.number in by_step:
                        archive.writestr(
                            f"{name}/{step.number}_{_file_name(step.name)}.txt", by_step[step.number]
                        )
        return buffer.getvalue()

    def delete(self, jobs: Sequence[Job]) -> None:
        """Remove the logs of jobs."""
        for job in jobs:
            self._waiting.pop(job.id, None)
            self._path(job).unlink(missing_ok=True)

    def copy(self, source: Job, target: Job) -> None:
        """Give a job that a re-run keeps the log of the job that it stands for."""
        self.flush(source)
        if self._path(source).exists():
            self._path(target).write_bytes(self._path(source).read_bytes())

    def _lines(self, job: Job) -> list[tuple[int, str]]:
        self.flush(job)
        try:
            text = self._path(job).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        found = []
        for line in text.split("\n")[:-1]:
            step, _, rest = line.partition("\t")
            found.append((int(step), f"{rest}\n"))
        return found

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.id}.log"


def _file_name(name: str) -> str:
    # GitHub replaces what a file name may not hold; gh looks for the same.
    return re.sub(r'[/\\:*?"<>|]', "", name)[:90].strip()
