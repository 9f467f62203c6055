"""The emulated GitHub of the watch benchmark: runs that last without a process, and when each of them ended.

    python watch_github.py ROOT PORT SHORTEST LONGEST ENDS [WEBHOOK_URL WEBHOOK_SECRET]

A run waits for a runner for so many seconds, drawn between SHORTEST and LONGEST, and ends as soon as it has
one. When that was is written into the file ENDS, a line for each run.
"""

import sys
import time
from pathlib import Path

from perdure.emulator import EmulatorSettings, RunningEmulator, Timing, Webhook, run_emulator
from perdure.emulator.records import Run


def main(root: str, port: str, shortest: str, longest: str, ends: str, *webhook: str) -> None:
    """Serve the folder until a signal asks to stop."""
    settings = EmulatorSettings(
        control=True,
        # Nobody measures the limit of 5,000 requests an hour.
        rate_limit=1_000_000,
        max_parallel_runs=100_000,
        timing=Timing(
            list_lag=(1.0, 2.0), jobs_lag=(0.0, 0.0), pick_up_delay=(float(shortest), float(longest))
        ),
        webhook=Webhook(url=webhook[0], secret=webhook[1]) if webhook else None,
        seed=1,
    )
    run_emulator(
        Path(root), settings, port=int(port), on_ready=lambda emulator: _write_ends(emulator, Path(ends))
    )


def _write_ends(emulator: RunningEmulator, file: Path) -> None:
    webhooks = emulator.services.webhooks
    tell = webhooks.workflow_run

    def told(action: str, run: Run) -> None:
        if action == "completed":
            with file.open("a") as lines:
                lines.write(f"{run.id} {time.time()}\n")
        tell(action, run)

    webhooks.workflow_run = told  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
