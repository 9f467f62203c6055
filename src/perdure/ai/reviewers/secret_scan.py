"""Runs detect-secrets in a process of its own: paths on stdin, what it finds on stdout, both as JSON.

Its patterns run over text of strangers and may take for ever, so they run where they can be stopped. A secret
is never printed.
"""

import json
import re
import signal
import sys
from types import FrameType

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

SECONDS_FOR_A_FILE = 20

_MOST_GUESSES = 10
_GUESSES = {"Base64 High Entropy String", "Hex High Entropy String"}
_DIGEST = re.compile(
    r"sha-?(?:1|2|256|384|512)?\b|digest|hash|checksum|integrity|commit|revision|fingerprint|etag",
    re.IGNORECASE,
)
"""What a random string mostly is whose line says so."""


def main() -> None:
    """Scan the files whose paths stand on stdin."""
    signal.signal(signal.SIGALRM, _stop)
    found: list[dict[str, object]] = []
    failed: dict[str, str] = {}
    with default_settings() as settings:
        # Public addresses are no secrets.
        settings.disable_plugins("IPPublicDetector")
        for path in json.load(sys.stdin):
            signal.alarm(SECONDS_FOR_A_FILE)
            try:
                found += _scan(path)
            except TimeoutError:
                failed[path] = f"detect-secrets took longer than {SECONDS_FOR_A_FILE} s"
            except (OSError, ValueError, RecursionError) as error:
                failed[path] = f"detect-secrets failed: {type(error).__name__}"
            finally:
                signal.alarm(0)
    json.dump({"found": found, "failed": failed}, sys.stdout)


def _scan(path: str) -> list[dict[str, object]]:
    seen = {(secret.type, secret.line_number) for secret in scan_file(path)}
    if not seen:
        return []
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    found = [
        (kind, line)
        for kind, line in sorted(seen)
        if not (kind in _GUESSES and line <= len(lines) and _DIGEST.search(lines[line - 1]))
    ]
    # So many random strings are data, and nobody reads that many guesses. Keys of a known form stay.
    is_data = sum(kind in _GUESSES for kind, _ in found) > _MOST_GUESSES
    return [
        {"path": path, "type": kind, "line": line}
        for kind, line in found
        if not (is_data and kind in _GUESSES)
    ]


def _stop(number: int, frame: FrameType | None) -> None:
    raise TimeoutError


if __name__ == "__main__":
    main()
