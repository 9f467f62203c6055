"""The emulated GitHub as a process, without the limit of 5,000 requests an hour: nobody measures that."""

import sys
from pathlib import Path

from perdure.emulator import EmulatorSettings, run_emulator


def main(root: str, port: str) -> None:
    """Serve the folder until a signal asks to stop."""
    settings = EmulatorSettings(control=True, rate_limit=1_000_000)
    run_emulator(Path(root), settings, port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
