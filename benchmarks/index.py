"""What the index of code costs: cutting, embedding by words, writing, searching, and installing it.

Prints a table and JSON; see README.md for what it means. The code that is indexed is what lies in this
Python's own folder, in as many repositories as asked for.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from perdure.ai.chunking import cut_file
from perdure.ai.embedding import LexicalEmbedder, Vectors
from perdure.ai.index import ChunkIndex
from perdure.model.indexing import Chunk

_BATCH = 512
_LONGEST_QUESTION = 300


def main() -> int:
    """Measure, and print what was found."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="perdure-benchmark-") as folder:
        report = asyncio.run(_run(Path(folder), options))
    _show(report, Console(width=100))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


async def _run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    _say(f"cutting until there are {options.chunks:,} chunks")
    # Processor time where one thread computes: what else the machine does is not measured.
    begun = time.process_time()
    chunks, size = _cut(options.chunks)
    cutting = time.process_time() - begun
    embedder, index = LexicalEmbedder(), ChunkIndex(folder)
    # In no order: the same file's chunks are not all of one repository.
    random.Random(1).shuffle(chunks)
    shares = [chunks[number :: options.repositories] for number in range(options.repositories)]
    embedding, writing = await _fill(index, embedder, shares)
    begun = time.perf_counter()
    rows = await index.settle(embedder.model)
    settling = time.perf_counter() - begun
    begun = time.perf_counter()
    known = await index.existing_ids(embedder.model, _name(0), [chunk.chunk_id for chunk in shares[0]])
    looking_up = time.perf_counter() - begun
    assert len(known) == len(shares[0])
    for number, share in enumerate(shares):
        await index.record_tree(_tree(number), share)
    return {
        "options": {name: value for name, value in vars(options).items() if name != "json"},
        "machine": {"processors": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "rows": rows,
        "source_bytes": size,
        "cut_chunks_per_processor_second": round(len(chunks) / cutting),
        "cut_megabytes_per_processor_second": round(size / cutting / 1e6, 2),
        "embed_chunks_per_processor_second": round(len(chunks) / embedding),
        "write_chunks_per_second": round(len(chunks) / writing),
        "look_up_ids_per_second": round(len(shares[0]) / looking_up),
        "settle_seconds": round(settling, 1),
        "index_bytes": _taken(folder),
        "search_milliseconds": await _searches(index, embedder, shares, options.searches),
        "install_bytes": _installed(),
    }


async def _fill(
    index: ChunkIndex, embedder: LexicalEmbedder, shares: Sequence[Sequence[Chunk]]
) -> tuple[float, float]:
    embedding = writing = 0.0
    done = 0
    for number, share in enumerate(shares):
        for first in range(0, len(share), _BATCH):
            part = share[first : first + _BATCH]
            computed = time.process_time()
            vectors = await embedder.embed([f"{chunk.symbol}\n{chunk.text}" for chunk in part])
            embedding += time.process_time() - computed
            begun = time.perf_counter()
            await index.upsert(embedder.model, _name(number), part, vectors)
            writing += time.perf_counter() - begun
        done += len(share)
        _say(f"{done:,} chunks written")
    return embedding, writing


async def _searches(
    index: ChunkIndex, embedder: LexicalEmbedder, shares: Sequence[Sequence[Chunk]], count: int
) -> dict[str, dict[str, float]]:
    _say("searching")
    draw = random.Random(2)
    asked = []
    for _ in range(count):
        number = draw.randrange(len(shares))
        text = draw.choice(shares[number]).text[:_LONGEST_QUESTION]
        asked.append((number, text, await embedder.embed([text])))
    kinds: dict[str, Callable[[int, str, Vectors], Awaitable[list[Chunk]]]] = {
        "words alone": lambda number, text, vector: index.search(
            embedder.model, _tree(number), text, limit=10
        ),
        "words and vectors": lambda number, text, vector: index.search(
            embedder.model, _tree(number), text, vector, limit=10
        ),
    }
    found = {}
    for kind, search in kinds.items():
        for each in asked[:5]:
            await search(*each)
        times = []
        for each in asked:
            begun = time.perf_counter()
            assert await search(*each)
            times.append(1_000 * (time.perf_counter() - begun))
        ordered = sorted(times)
        found[kind] = {
            "median": round(statistics.median(ordered), 1),
            "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        }
    return found


def _cut(count: int) -> tuple[list[Chunk], int]:
    found: dict[str, Chunk] = {}
    size = 0
    for path in _sources():
        content = path.read_bytes()
        size += len(content)
        found.update((chunk.chunk_id, chunk) for chunk in cut_file(str(path), content).chunks)
        if len(found) >= count:
            return list(found.values())[:count], size
    raise SystemExit(
        f"error: only {len(found):,} chunks in this Python's folder\n\nhint: ask for fewer --chunks"
    )


def _sources() -> Iterator[Path]:
    folders = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "stdlib"))
    for folder in folders:
        yield from sorted(Path(folder).rglob("*.py"))


def _installed() -> dict[str, int]:
    """Return the bytes of all packages: without the extra ``review``, and what it adds."""
    core, review = _closure(["perdure"], set()), _closure(["perdure"], {"review"})
    return {
        "core": sum(_size(name) for name in core),
        "review": sum(_size(name) for name in review - core),
    }


def _closure(names: Sequence[str], extras: set[str]) -> set[str]:
    waiting, found = [(name, extras) for name in names], set[str]()
    while waiting:
        name, wanted = waiting.pop()
        if name in found or (package := _distribution(name)) is None:
            continue
        found.add(name)
        for line in package.requires or ():
            requirement, _, marker = line.partition(";")
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
            if extra is None or extra[1] in wanted:
                parts = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", requirement)
                if parts:
                    own = {one.strip() for one in (parts[2] or "").split(",") if one.strip()}
                    waiting.append((re.sub(r"[-_.]+", "-", parts[1]).lower(), own))
    return found - {"perdure"}


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        # Of another system, as the marker says.
        return None


def _size(name: str) -> int:
    package = _distribution(name)
    files = package.files or () if package else ()
    places = (Path(str(file.locate())) for file in files)
    return sum(place.stat().st_size for place in places if place.is_file())


def _taken(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _name(number: int) -> str:
    return f"bench/repository-{number}"


def _tree(number: int) -> str:
    return f"{_name(number)}@{number:040x}"


def _show(report: dict[str, Any], console: Console) -> None:
    options, where = report["options"], report["machine"]
    table = Table(
        title=f"{report['rows']:,} chunks of {options['repositories']} repositories;"
        f" {where['processors']} processors, Python {where['python']}",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("cutting up, chunks per processor second", f"{report['cut_chunks_per_processor_second']:,}")
    table.add_row("cutting up, MB per processor second", f"{report['cut_megabytes_per_processor_second']:,}")
    table.add_row(
        "embedding by words, chunks per processor second", f"{report['embed_chunks_per_processor_second']:,}"
    )
    table.add_row("writing, chunks per second", f"{report['write_chunks_per_second']:,}")
    table.add_row("looking up what is there, ids per second", f"{report['look_up_ids_per_second']:,}")
    table.add_row("compacting and indexing, s", f"{report['settle_seconds']:,}")
    table.add_row("the index on disk, MB", f"{report['index_bytes'] / 1e6:,.0f}")
    for kind, times in report["search_milliseconds"].items():
        table.add_row(f"search by {kind}, ms: median", f"{times['median']:,}")
        table.add_row(f"search by {kind}, ms: p95", f"{times['p95']:,}")
    table.add_row("installed without the extra review, MB", f"{report['install_bytes']['core'] / 1e6:,.0f}")
    table.add_row("what the extra review adds, MB", f"{report['install_bytes']['review'] / 1e6:,.0f}")
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000, help="in the index")
    parser.add_argument("--repositories", type=int, default=50, help="that they are spread over")
    parser.add_argument("--searches", type=int, default=100, help="of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here instead")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
