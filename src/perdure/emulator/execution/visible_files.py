"""Decides what the steps of a job see of this machine's files.

All of it is read-only. Covered are the home of whoever runs the emulator, where keys and tokens lie, ``/run``
with the sockets of the machine's services, and what the caller names. Put back of these are the Python that
steps may call and, where steps have the network, what resolves names. ``/tmp`` is the job's own.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr")
_LEFT_ALONE = ("/proc", "/sys", "/dev")
_OWN = Path("/tmp")  # noqa: S108 - covered by a folder of the job
_MOST_MOUNTS = 16
_SERVICES = (Path("/run"), Path("/var/run"))
_RESOLVERS = (Path("/run/systemd/resolve"), Path("/run/resolvconf"), Path("/run/NetworkManager"))


def view_words(hidden: Sequence[Path], *, network: bool) -> list[str]:
    """List, for the process that holds a job's namespaces, what to mount in which order."""
    covered = sorted(
        {path.resolve() for path in (*hidden, *_SERVICES, Path.home()) if _may_be_covered(path.resolve())}
    )
    python = Path(sys.base_prefix).resolve()
    kept = [str(python)] if any(python.is_relative_to(one) for one in (*covered, _OWN)) else []
    kept += [str(path) for path in _RESOLVERS if network and path.is_dir()]
    names = [str(path) for path in covered]
    words = ["--keep", *kept, "--cover", *names, "--own", str(_OWN), "--back", *kept, "--proc", "/proc"]
    return [*words, "--lock", *names, *kept, *_writable_mounts(), "/"]


def _may_be_covered(path: Path) -> bool:
    # Without the system's own folders nothing would run.
    return path != _OWN and not any(Path(folder).is_relative_to(path) for folder in _SYSTEM)


def _writable_mounts() -> list[str]:
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        point = fields[4].encode().decode("unicode_escape")
        if point != "/" and not point.startswith(_LEFT_ALONE) and "rw" in fields[5].split(","):
            found.append(point)
    return found[:_MOST_MOUNTS]
