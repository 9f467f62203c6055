"""Which jobs a re-run executes: what was chosen, and everything that needs it."""

import re
from collections.abc import Iterable

from perdure.emulator.execution import WorkflowFile

# A job's key begins with its id in the file: `build (1, linux)`, `release / build`.
_JOB_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def with_dependents(file: WorkflowFile, chosen: Iterable[str], known: Iterable[str]) -> frozenset[str]:
    """Return the chosen jobs' keys and, of those known, the keys of the jobs that need them."""
    chosen = frozenset(chosen)
    wanted = {_job_id(key) for key in chosen}
    while more := {
        job for job, found in file.jobs.items() if job not in wanted and wanted & set(found.needs)
    }:
        wanted |= more
    dependents = wanted - {_job_id(key) for key in chosen}
    return chosen | {key for key in known if _job_id(key) in dependents}


def _job_id(key: str) -> str:
    match = _JOB_ID.match(key)
    return match[0] if match else key
