"""Ports of the loopback interface: free ones, and who holds one that is not."""

import contextlib
import socket
import sys
from pathlib import Path

from perdure.errors import LocalEngineError

LOOPBACK = "127.0.0.1"
_LISTENING = "0A"


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Say whether one could listen on the port."""
    with socket.socket() as probe:
        # As servers do: connections that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(port: int, *, wanted_for: str, option: str) -> None:
    """Refuse a port that is in use.

    Args:
        port: The port.
        wanted_for: What would listen there.
        option: The option that chooses another.

    Raises:
        LocalEngineError: Somebody listens there; the message says who, where that can be known.
    """
    if is_free(port):
        return
    msg = f"port {port}, wanted for {wanted_for}, is in use{by_whom(port)}"
    raise LocalEngineError(msg, hint=f"stop what listens there, or choose another port with {option}")


def port_holder(port: int) -> tuple[int, str] | None:
    """Return the process that listens on a port, and its name, where the system lets us know."""
    if sys.platform != "linux":
        return None
    sockets = _listening_sockets(port)
    if not sockets:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and _has_one_of(process, sockets):
            return int(process.name), (process / "comm").read_text().strip()
    return None


def by_whom(port: int) -> str:
    """Return the words that name who listens on a port; none where that cannot be known."""
    holder = port_holder(port)
    return f" by process {holder[0]} ({holder[1]})" if holder else ""


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _has_one_of(process: Path, sockets: set[str]) -> bool:
    # Processes of other users are closed to us, and any process may end while we look.
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False
