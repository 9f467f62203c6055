"""Where each job of a running pipeline stands: a change costs the same however many there are."""

from collections.abc import Iterable
from itertools import chain, islice

from perdure.pipeline.running import JobProgress, JobState

_SIGNS = {
    JobState.WAITING: "·",
    JobState.RUNNING: "▶",
    JobState.SUCCESS: "✓",
    JobState.FAILURE: "✗",
    JobState.CANCELLED: "⊘",
    JobState.SKIPPED: "-",
}
_SHOWN_FIRST = (JobState.RUNNING, JobState.FAILURE, JobState.CANCELLED)
"""In a pipeline that is too large to be shown whole."""

_SHOWN = 60


class JobTable:
    """The jobs of one pipeline, in its order."""

    def __init__(self, rows: Iterable[JobProgress]) -> None:
        """Begin with these."""
        self._rows = {row.key: row for row in rows}
        self._by_state: dict[JobState, dict[str, None]] = {state: {} for state in JobState}
        for row in self._rows.values():
            self._by_state[row.state][row.key] = None

    def __getitem__(self, key: str) -> JobProgress:
        """Return one job."""
        return self._rows[key]

    @property
    def rows(self) -> tuple[JobProgress, ...]:
        """Every job. This costs what there is: it is for whoever asks, not for every change."""
        return tuple(self._rows.values())

    def put(self, row: JobProgress) -> None:
        """Replace what was known of a job."""
        before = self._rows[row.key].state
        if before is not row.state:
            del self._by_state[before][row.key]
            self._by_state[row.state][row.key] = None
        self._rows[row.key] = row

    def update(self, key: str, **changes: object) -> None:
        """Change what is known of a job."""
        self.put(self._rows[key].model_copy(update=changes))

    def ended_badly(self) -> list[JobProgress]:
        """Return the jobs that failed or were cancelled, in the pipeline's order."""
        bad = {**self._by_state[JobState.FAILURE], **self._by_state[JobState.CANCELLED]}
        return [row for key, row in self._rows.items() if key in bad] if bad else []

    def markdown(self, name: str) -> str:
        """Draw them for the pipeline's page in Temporal's UI. At most a few kB: the engine takes 20 kB."""
        counts = [f"{len(keys)} {state}" for state, keys in self._by_state.items() if keys]
        head = f"**{name}** · {', '.join(counts)}"
        lines = ["| | Job | Run | Reason |", "|---|---|---|---|"]
        lines += [_line(row) for row in self._shown()]
        left = len(self._rows) - _SHOWN
        more = f"\n\nand {left} more" if left > 0 else ""
        return f"{head}\n\n" + "\n".join(lines) + more

    def _shown(self) -> Iterable[JobProgress]:
        if len(self._rows) <= _SHOWN:
            return self._rows.values()
        first = chain.from_iterable(self._by_state[state] for state in _SHOWN_FIRST)
        rest = chain(self._by_state[JobState.WAITING], reversed(self._by_state[JobState.SUCCESS]))
        skipped = self._by_state[JobState.SKIPPED]
        return [self._rows[key] for key in islice(chain(first, rest, skipped), _SHOWN)]


def _line(row: JobProgress) -> str:
    link = f"[run]({row.html_url})" if row.html_url else ""
    reason = " ".join(row.reason.split()).replace("|", "\\|")[:100]
    return f"| {_SIGNS[row.state]} | {row.key[:80]} | {link} | {reason} |"
