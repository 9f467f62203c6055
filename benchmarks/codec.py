"""What encrypting and compressing payloads costs, by their size, for text and for what does not shrink.

Prints a table and JSON; see README.md for what it means. Processor time of one thread is measured, so that
what else the machine does is not.
"""

import argparse
import asyncio
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio.api.common.v1 import Payload

from perdure.engine.codec import EncryptionCodec
from perdure.engine.key_ring import KEY_BYTES, KeyRing

_ROUNDS = 5
_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)


class _FixedKey(KeyRing):
    """A key ring whose key comes from nowhere."""

    def key(self, key_id: str) -> bytes:
        """Return a key that protects nothing."""
        return bytes(KEY_BYTES)


def main() -> int:
    """Measure, and print what was found."""
    options = _parser().parse_args()
    codec = EncryptionCodec(_FixedKey({}, active="bench"), namespace="bench")
    rows = [
        asyncio.run(_measured(codec, kind, size, options.seconds))
        for size in options.sizes
        for kind in ("text", "noise")
    ]
    report = {"python": platform.python_version(), "machine": platform.machine(), "payloads": rows}
    _show(rows, Console(width=100))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


async def _measured(codec: EncryptionCodec, kind: str, size: int, seconds: float) -> dict[str, Any]:
    print(f"{kind} of {size:,} bytes", file=sys.stderr)
    payload = Payload(metadata={"encoding": b"json/plain"}, data=_content(kind, size))
    [sealed] = await codec.encode([payload])
    if await codec.decode([sealed]) != [payload]:
        msg = "what was encrypted did not come back"
        raise AssertionError(msg)
    return {
        "kind": kind,
        "bytes": size,
        "kept_bytes": sealed.ByteSize(),
        "encode_microseconds": await _microseconds(codec.encode, payload, seconds),
        "decode_microseconds": await _microseconds(codec.decode, sealed, seconds),
    }


async def _microseconds(
    work: Callable[[Sequence[Payload]], Awaitable[object]], payload: Payload, seconds: float
) -> float:
    """Return the median of several rounds, each of which takes its share of the time."""
    rounds = []
    for _ in range(_ROUNDS):
        times, begun = 0, time.process_time()
        while (taken := time.process_time() - begun) < seconds / _ROUNDS:
            await work([payload])
            times += 1
        rounds.append(taken / times * 1e6)
    return round(statistics.median(rounds), 1)


def _content(kind: str, size: int) -> bytes:
    chosen = random.Random(size)
    if kind == "noise":
        return chosen.randbytes(size)
    words = [f'"{chosen.choice(_WORDS)}": {chosen.randrange(100_000)}, ' for _ in range(size // 8 + 1)]
    return "".join(words).encode()[:size]


_WORDS = ("conclusion", "html_url", "repository", "commit", "started_at", "version", "message", "attempt")


def _show(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table("payload", "kept, bytes", "encode, µs", "decode, µs")
    for row in rows:
        table.add_row(
            f"{row['bytes']:,} bytes of {row['kind']}",
            f"{row['kept_bytes']:,}",
            f"{row['encode_microseconds']:,.0f}",
            f"{row['decode_microseconds']:,.0f}",
        )
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, metavar="BYTES")
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time of one measurement")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
