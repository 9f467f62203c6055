"""Numbers and node ids.

What lies in the folder (accounts, repositories, workflow files) gets its number from its name, so that it is
the same after a restart with nothing written down. What happens (runs, jobs, artifacts) is counted.
"""

import base64
import hashlib

_RANGES = {
    "user": (1_000_000, 200_000_000),
    "repository": (100_000_000, 900_000_000),
    "workflow": (10_000_000, 200_000_000),
    "suite": (10_000_000_000, 50_000_000_000),
}


def number_for(kind: str, name: str) -> int:
    """Return the number of an account, repository, workflow file or check suite."""
    low, span = _RANGES[kind]
    digest = hashlib.sha256(f"{kind}:{name.lower()}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % span


def node_id(prefix: str, number: int) -> str:
    """Return an opaque node id, in the form that GitHub gives it."""
    return f"{prefix}_kwDO{base64.urlsafe_b64encode(number.to_bytes(8, 'big')).decode().rstrip('=')}"
