"""Looking at fixes before they are committed, on a worker that holds no token that may write."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.store import ContentStore
from perdure.config import AnalyserCommand
from perdure.errors import AnalyserError
from perdure.model.actions import StoredObject
from perdure.model.findings import Finding
from perdure.model.fixed_text import is_plain_path, new_findings
from perdure.model.fixing import FixedFile, VerifiedFix, VerifyFixInput
from perdure.model.review import ChangedFile, LineRange, ReviewReport

_EVERY_LINE = (LineRange(start=1, end=10_000_000),)


class FixVerification:
    """Lets static reviewers look at files as they would be."""

    def __init__(self, store: ContentStore, commands: Sequence[AnalyserCommand] = ()) -> None:
        """Use the store, and the analysers that the settings add to the built-in ones."""
        self._store = store
        self._commands = commands

    @activity.defn
    async def verify_fix(self, input: VerifyFixInput) -> VerifiedFix:
        """Say whether the fixes bring anything new to light. Safe to repeat: it reads and runs no code.

        The same reviewers look at the files before and after. So nothing counts but what the fixes did, and
        a reviewer that cannot read the result refuses it.
        """
        async with heartbeats():
            with as_application_errors():
                files = input.prepared.files
                report = ReviewReport.model_validate_json(self._store.get(input.report))
                before = await self._look(files, [file.before for file in files], input.analysers)
                after = await self._look(files, [file.after for file in files], input.analysers)
        found = new_findings([*report.findings, *before], after)
        return VerifiedFix(ok=not found, new_findings=found)

    async def _look(
        self, files: Sequence[FixedFile], contents: Sequence[StoredObject], analysers: Sequence[str]
    ) -> Sequence[Finding]:
        # Imported here: the extra `review` may be missing where nothing is reviewed.
        from perdure.ai.analysing import analyse
        from perdure.ai.reviewers import reviewers_named

        with tempfile.TemporaryDirectory(prefix="perdure-fix-") as folder:
            tree = Path(folder)
            changed = [ChangedFile(path=file.path, added=_EVERY_LINE) for file in files]
            pairs = list(zip(files, contents, strict=True))
            await asyncio.to_thread(self._write, tree, pairs)
            analysis = await analyse(tree, changed, reviewers_named(analysers, self._commands))
        if analysis.failed:
            first = analysis.failed[0]
            raise AnalyserError(f"{first.path} cannot be looked at: {first.reason}")
        return analysis.findings

    def _write(self, tree: Path, pairs: Sequence[tuple[FixedFile, StoredObject]]) -> None:
        for file, content in pairs:
            if not is_plain_path(file.path):
                raise AnalyserError(f"{file.path!r} is no path inside a repository")
            target = tree / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._store.get(content))
