"""Turn into another program that ends when the process that wanted it ends.

Run by its path as ``python -I -S _launch.py PARENT_PID COMMAND...``, never imported: a supervisor that
is killed with SIGKILL cannot stop what it started, and a Temporal server left behind keeps its port and
its file. Linux sends a signal of one's choice at the parent's death, and keeps that choice over
``exec``. It has to be asked for between fork and exec, where a process with threads (the SDK starts
many) may not run Python; hence a program.

https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGTERM at the parent's death, then become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        # It may have died before it was asked about.
        if os.getppid() != int(parent):
            raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606 - becoming the command is what this program is for


main()
