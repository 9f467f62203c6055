"""Keeps the last results on disk, each with the content of every file that it depends on.

A result is used again only where all of this is as it was: the checker itself, the configuration, the Python
version, the list of files to check, the content of every file that was read, and where each module was found.
So a cached result is the one that a new run would give.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from perdure.checks.determinism.checking import Report, check
from perdure.checks.determinism.configuration import Configuration
from perdure.checks.determinism.findings import Finding, Place, Step
from perdure.checks.determinism.modules import Modules

FOLDER = Path(".perdure") / "determinism"


def check_cached(paths: Sequence[Path], configuration: Configuration, folder: Path = FOLDER) -> Report:
    """Check files, or return what was found when nothing was any different.

    Args:
        paths: As for ``check``.
        configuration: As for ``check``.
        folder: Where results are kept. A folder that cannot be written is done without.
    """
    file = folder / f"{_key(paths, configuration)}.json"
    if (known := _read(file, paths, configuration)) is not None:
        return known
    report, modules = check(paths, configuration)
    kept = {
        "digests": {str(path): digest for path, digest in modules.digests.items()},
        "found": {name: str(path) if path else None for name, path in modules.found.items()},
        "report": asdict(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Nobody wants to see these in their repository.
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        file.write_text(json.dumps(kept), encoding="utf-8")
    except OSError:
        return report
    return report


def _key(paths: Sequence[Path], configuration: Configuration) -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    about = (sys.version, [str(path.resolve()) for path in paths], asdict(configuration), sys.path)
    digest.update(repr(about).encode())
    return digest.hexdigest()[:32]


def _read(file: Path, paths: Sequence[Path], configuration: Configuration) -> Report | None:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        modules = Modules(paths, excluded=configuration.excluded)
        same = all(_digest(path) == digest for path, digest in kept["digests"].items())
        same = same and all(str(path) in kept["digests"] for path in modules.files())
        same = same and all(
            (str(path) if (path := modules.where(name)) else None) == found
            for name, found in kept["found"].items()
        )
        return _report(kept["report"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        # Absent, or written by something else: it is written anew.
        return None


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _report(kept: dict[str, object]) -> Report:
    findings, unreadable = kept.pop("findings"), kept.pop("unreadable")
    if not isinstance(findings, list) or not isinstance(unreadable, list):
        raise TypeError
    return Report(
        findings=tuple(_finding(finding) for finding in findings),
        unreadable=tuple((path, line, reason) for path, line, reason in unreadable),
        **{name: int(str(count)) for name, count in kept.items()},
    )


def _finding(kept: dict[str, object]) -> Finding:
    chain = kept["chain"]
    if not isinstance(chain, list):
        raise TypeError
    return Finding(
        rule_id=str(kept["rule_id"]),
        place=_place(kept["place"]),
        what=str(kept["what"]),
        workflow=str(kept["workflow"]),
        chain=tuple(Step(str(step["name"]), _place(step["place"])) for step in chain),
        others=int(str(kept["others"])),
    )


def _place(kept: object) -> Place:
    if not isinstance(kept, dict):
        raise TypeError
    return Place(str(kept["path"]), int(kept["line"]), int(kept["column"]))
