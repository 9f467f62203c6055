"""Runs detect-secrets in a process of its own: paths on stdin, what it finds on stdout, both as JSON.

Its patterns run over text of strangers and may take for ever, so they run where they can be killed. A secret
is never printed.
"""

import json
import sys

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings


def main() -> None:
    """Scan the files whose paths stand on stdin."""
    found: list[dict[str, object]] = []
    failed: dict[str, str] = {}
    with default_settings() as settings:
        # What people leave out of their own scans in their code, they have seen. Public addresses are no
        # secrets.
        settings.disable_plugins("IPPublicDetector")
        for path in json.load(sys.stdin):
            try:
                seen = {(secret.type, secret.line_number) for secret in scan_file(path)}
            except (OSError, ValueError, RecursionError) as error:
                failed[path] = f"{type(error).__name__}"
                continue
            found += [{"path": path, "type": kind, "line": line} for kind, line in sorted(seen)]
    json.dump({"found": found, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
