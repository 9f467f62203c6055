"""Parses files for other processes: one request a line on stdin, one answer a line on stdout."""

import base64
import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from perdure.ai.chunking import cut_file

MOST_MEMORY: Final = 4_000_000_000
"""Bytes of addresses; a parser that wants more was made to."""


def main(folder: Path) -> None:
    """Answer until there is nothing more to read."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            content = _content(folder, asked)
        except OSError as error:
            answer: dict[str, object] = {"skipped": f"cannot be read: {error.strerror}"}
        else:
            cut = cut_file(asked["path"], content, by_syntax=asked["by_syntax"])
            answer = {
                "chunks": [chunk.model_dump(mode="json") for chunk in cut.chunks],
                "symbols": [asdict(symbol) for symbol in cut.symbols],
                "skipped": cut.skipped,
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _content(folder: Path, asked: dict[str, Any]) -> bytes:
    sent = asked.get("content")
    return (folder / asked["path"]).read_bytes() if sent is None else base64.b64decode(sent)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
