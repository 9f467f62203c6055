"""Jobs that somebody outside does, such as a provider's batch service, and that end hours later.

Whoever does one holds a token and nothing else. The records beside the content store are the truth: a result
is written there first, and Temporal is told of it afterwards. So a result that comes before anybody waits for
it, after everybody has stopped waiting, or twice, does no harm. Of the token only a digest is kept.
"""

import hashlib
import secrets
from pathlib import Path

from perdure.activities.whole_files import write_once, write_whole
from perdure.errors import UsageError
from perdure.model.actions import StoredObject
from perdure.model.outside_jobs import JobWaiter


class OutsideJobs:
    """A folder with a few small files for each job."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is made when a job is handed over."""
        self._folder = folder / "jobs"

    def new_token(self, job_id: str) -> str:
        """Return a token for the job. Those that it had before stay good."""
        token = secrets.token_urlsafe(32)
        write_whole(self._token_file(token), job_id)
        return token

    def job_of(self, token: str) -> str:
        """Return the job that a token belongs to.

        Raises:
            UsageError: It belongs to none.
        """
        try:
            return self._token_file(token).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UsageError(
                "no job has this token", hint="use it where the worker's store is: [store] path"
            ) from None

    def mark_handed_over(self, job_id: str) -> None:
        """Take note that somebody outside has the job."""
        write_whole(self._file(job_id, "handed-over"), "")

    def is_handed_over(self, job_id: str) -> bool:
        """Say whether somebody outside has the job."""
        return self._file(job_id, "handed-over").is_file()

    def wait(self, job_id: str, waiter: JobWaiter) -> StoredObject | None:
        """Take note of who waits for a job's result; return the result where it is there already."""
        # In this order: who brings the result sees the waiter, or the waiter sees the result.
        write_whole(self._file(job_id, "waiter.json"), waiter.model_dump_json())
        return self.result(job_id)

    def waiter(self, job_id: str) -> JobWaiter | None:
        """Return who waits for a job's result."""
        found = _read(self._file(job_id, "waiter.json"))
        return JobWaiter.model_validate_json(found) if found else None

    def finish(self, job_id: str, result: StoredObject) -> bool:
        """Keep a job's result; say whether it is the one that counts, which is the first."""
        write_once(self._file(job_id, "result.json"), result.model_dump_json())
        return self.result(job_id) == result

    def result(self, job_id: str) -> StoredObject | None:
        """Return a job's result, where it is there."""
        found = _read(self._file(job_id, "result.json"))
        return StoredObject.model_validate_json(found) if found else None

    def _file(self, job_id: str, kind: str) -> Path:
        return self._folder / job_id[:2] / f"{job_id}.{kind}"

    def _token_file(self, token: str) -> Path:
        return self._folder / "tokens" / hashlib.sha256(token.encode()).hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
