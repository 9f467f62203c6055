"""zizmor: dangerous triggers, template injection and the like in GitHub's own files."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perdure.ai.reviewers.port import Reviewed, as_arguments
from perdure.ai.reviewers.processes import ToolOutput, installed, run_tool
from perdure.errors import AnalyserError
from perdure.model.findings import Category, Confidence, Finding, Severity

_TAKEN: Final = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|(?:.*/)?action\.ya?ml|\.github/dependabot\.ya?ml", re.IGNORECASE
)
_SEVERITIES: Final = {"High": Severity.ERROR, "Medium": Severity.WARNING}
_BATCH: Final = 200
_HYGIENE: Final = {"unpinned-uses", "artipacked", "excessive-permissions"}
"""Good advice, and true of most workflow files there are: told, and no alarm."""

_CONFIDENCES: Final = {"High": Confidence.HIGH, "Medium": Confidence.MEDIUM}


class ZizmorReviewer:
    """Runs zizmor offline and with rules of our own: a repository's configuration is not read."""

    name = "zizmor"

    async def version(self) -> str:
        """Return zizmor's version."""
        output = await run_tool([installed("zizmor"), "--version"], folder=Path("/"))
        return output.stdout.decode().removeprefix("zizmor").strip()

    def takes(self, path: str) -> bool:
        """Say whether it is a workflow, an action's definition, or Dependabot's file."""
        return _TAKEN.fullmatch(path) is not None

    async def review(self, tree: Path, paths: Sequence[str]) -> Reviewed:
        """Return what zizmor says about the files."""
        if len(paths) > _BATCH:
            halves = [await self.review(tree, part) for part in (paths[:_BATCH], paths[_BATCH:])]
            return _joined(halves)
        output = await self._run(tree, paths)
        if (findings := _findings(output)) is not None:
            return Reviewed(findings=findings)
        if len(paths) == 1:
            return Reviewed(failed={paths[0]: f"zizmor cannot read it: {output.complaint}"})
        # One file that is no workflow at all makes it give up on the others.
        return _joined([await self.review(tree, [path]) for path in paths])

    async def _run(self, tree: Path, paths: Sequence[str]) -> ToolOutput:
        command = [installed("zizmor"), "--offline", "--no-config", "--no-exit-codes", "--no-progress"]
        command += ["--quiet", "--color", "never", "--format", "json-v1", "--strict-collection"]
        return await run_tool([*command, "--", *as_arguments(paths)], folder=tree)


def _joined(parts: Sequence[Reviewed]) -> Reviewed:
    return Reviewed(
        findings=[finding for part in parts for finding in part.findings],
        failed={path: reason for part in parts for path, reason in part.failed.items()},
    )


def _findings(output: ToolOutput) -> list[Finding] | None:
    if output.status:
        return None
    try:
        said = json.loads(output.stdout)
    except ValueError:
        msg = f"zizmor failed: {output.complaint}"
        raise AnalyserError(msg) from None
    return [finding for each in said if not each["ignored"] for finding in _finding(each)]


def _finding(said: Mapping[str, Any]) -> list[Finding]:
    primary = next((each for each in said["locations"] if each["symbolic"]["kind"] == "Primary"), None)
    path = _path_of(primary) if primary else ""
    if primary is None or not path:
        return []
    span = primary["concrete"]["location"]
    start = span["start_point"]["row"] + 1
    end = span["end_point"]["row"] + (span["end_point"]["column"] > 0)
    determinations = said["determinations"]
    is_alarm = said["ident"] not in _HYGIENE
    severity = _SEVERITIES.get(determinations["severity"], Severity.NOTE) if is_alarm else Severity.NOTE
    annotation = str(primary["symbolic"]["annotation"])
    return [
        Finding(
            reviewer="zizmor",
            rule=str(said["ident"]),
            category=Category.CI if severity is Severity.NOTE else Category.SECURITY,
            severity=severity,
            confidence=_CONFIDENCES.get(determinations["confidence"], Confidence.LOW),
            path=path,
            start_line=start,
            end_line=max(start, end),
            message=f"{said['desc']}: {annotation}",
            help_url=str(said["url"]),
        )
    ]


def _path_of(location: Mapping[str, Any]) -> str:
    local = location["symbolic"]["key"].get("Local") or {}
    return str(local.get("verbatim_path") or local.get("given_path") or "").removeprefix("./")
