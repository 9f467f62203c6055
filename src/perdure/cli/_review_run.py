"""What ``perdure review`` does once its options are read."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer
from rich.console import RenderableType
from rich.text import Text
from temporalio.client import Client, WorkflowExecutionStatus

from perdure.cli import _errors
from perdure.cli._action_run import Waiting
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_run import requester_of
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.cli._views import TerminalView, View, terminal
from perdure.cli._waiting import Outcome, wait_for_end
from perdure.config import Settings
from perdure.config.secret_references import check_reference
from perdure.engine.reviews import ReviewHandle, start_review
from perdure.engine.sealed_store import content_store
from perdure.engine.stored import read_stored
from perdure.errors import PerdureError, UsageError
from perdure.model import queues
from perdure.model.actions import StoredObject
from perdure.model.code_review import CodeReviewInput, CodeReviewProgress, CodeReviewResult, ReviewStage
from perdure.model.findings import Finding, Severity
from perdure.model.posting import PublishPolicy, reaches
from perdure.model.review import (
    FileState,
    RequireApproval,
    ReviewPolicy,
    ReviewReport,
    ReviewTarget,
    Verdict,
)

_TARGET = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:#(?P<number>[1-9]\d*))?")
_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Options:
    """How it is reviewed. See the command's options."""

    analysers: tuple[str, ...] = ()
    model: bool = True
    publish: bool = True
    fix: bool = False
    require_approval: str = "never"
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    notify: tuple[str, ...] = ()
    budget: float | None = None
    fail_on: str = "warning"
    sarif: Path | None = None


def read_target(target: str | None, *, ref: str | None, path: Path | None, base: str | None) -> ReviewTarget:
    """Return what is to be reviewed.

    Raises:
        UsageError: It is named in no way that is known, or in two.
    """
    if (target is None) == (path is None):
        raise UsageError(
            "name one thing to review", hint="perdure review OWNER/REPO#N, OWNER/REPO, or --path DIR"
        )
    if path is not None:
        folder = path.resolve()
        if not folder.is_dir():
            raise UsageError(f"{path} is no folder", hint="name a git work tree")
        if ref is not None:
            raise UsageError("--ref belongs to a repository", hint="with --path there is --base REV")
        return ReviewTarget(folder=str(folder), base=base)
    found = _TARGET.fullmatch(target or "")
    if found is None:
        raise UsageError(
            f"{target!r} is no pull request and no repository", hint="write OWNER/REPO#N or OWNER/REPO"
        )
    if base is not None:
        raise UsageError("--base belongs to --path", hint="a pull request has its base from GitHub")
    if found["number"] and ref is not None:
        raise UsageError("--ref belongs to a whole repository", hint="a pull request is reviewed at its head")
    number = int(found["number"]) if found["number"] else None
    return ReviewTarget(repository=found["repository"], pull_number=number, ref=ref)


def run(
    target: ReviewTarget, options: Options, waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    """Start the review and wait for its end, unless told otherwise."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await _start(session, target, options)
        if waiting.detach:
            typer.echo(json.dumps({"id": handle.id}) if waiting.as_json else handle.id)
            return ExitCode.SUCCESS
        outcome = ReviewOutcome(
            session.client,
            session.settings,
            fail_on=Severity(options.fail_on),
            sarif=options.sarif,
            as_json=waiting.as_json,
        )
        if page := session.temporal_url(handle.id):
            _errors.say(f"temporal: {page}")
        view = choose_review_view()
        ended = await wait_for_end(handle, view, outcome, timeout=waiting.timeout, client=session.client)
        return await outcome.printed() if ended is ExitCode.SUCCESS else ended

    return asyncio.run(main())


def policy_of(target: ReviewTarget, options: Options, settings: Settings) -> ReviewPolicy:
    """Return how it is reviewed: by the options, else as the settings say."""
    return ReviewPolicy(
        analysers=options.analysers
        or (*ReviewPolicy().analysers, *(own.name for own in settings.review.analysers)),
        use_model=options.model,
        budget=None if options.budget is None else round(options.budget * 1_000_000),
        publish=options.publish and target.pull_number is not None,
        fix=options.fix,
        require_approval=RequireApproval(options.require_approval),
        approvers=options.approvers,
        quorum=options.quorum,
        notify=options.notify,
    )


async def _start(session: Session, target: ReviewTarget, options: Options) -> ReviewHandle:
    if target.pull_number is None and (options.fix or options.require_approval != "never"):
        raise UsageError("--fix and --require-approval belong to a pull request", hint="write OWNER/REPO#N")
    for reference in options.notify:
        try:
            check_reference(reference)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            raise UsageError(f"--notify {message}", hint=hint) from None
    requester = await requester_of(session.settings)
    handle = await start_review(
        session.client,
        CodeReviewInput(
            target=target,
            policy=policy_of(target, options, session.settings),
            publishing=PublishPolicy(fail_on=Severity(options.fail_on)),
            requester=requester,
        ),
        task_queue=queues.WORKFLOWS + session.settings.worker.queue_suffix,
    )
    _errors.say(f"{'started' if handle.started else 'attached to'} {handle.id}")
    return handle


class ReviewOutcome(Outcome[CodeReviewResult]):
    """Prints what a review came to: findings as file:line, then the verdict; or one JSON object."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        *,
        fail_on: Severity = Severity.WARNING,
        sarif: Path | None = None,
        as_json: bool = False,
    ) -> None:
        self._client = client
        self._store = content_store(settings)
        self._task_queue = queues.WORKFLOWS + settings.worker.queue_suffix
        self._fail_on = fail_on
        self._sarif = sarif
        self._as_json = as_json
        self._ended: tuple[str, CodeReviewResult] | None = None

    def success(self, id: str, result: CodeReviewResult) -> None:
        """Keep the result until :meth:`printed` prints it."""
        self._ended = (id, result)

    def failure(self, id: str, error: PerdureError) -> None:
        """Print nothing: the error says it all."""

    async def printed(self) -> ExitCode:
        """Print the result, and return the exit status that it means."""
        if self._ended is None:
            return ExitCode.SUCCESS
        id, result = self._ended
        report = await self._report(result)
        if self._sarif is not None and result.summary is not None:
            self._sarif.write_bytes(await self._read(result.summary.sarif))
            _errors.say(f"wrote {self._sarif}")
        if self._as_json:
            told = {"id": id, **result.model_dump(mode="json")}
            typer.echo(json.dumps(told | ({"report": report.model_dump(mode="json")} if report else {})))
        else:
            typer.echo(shown("\n".join(_lines(result, report))))
        return self._code(result)

    async def _report(self, result: CodeReviewResult) -> ReviewReport | None:
        if result.summary is None:
            return None
        return ReviewReport.model_validate_json(await self._read(result.summary.report))

    async def _read(self, stored: StoredObject) -> bytes:
        return await read_stored(self._client, stored, store=self._store, task_queue=self._task_queue)

    def _code(self, result: CodeReviewResult) -> ExitCode:
        if result.summary is None:
            return ExitCode.SUCCESS
        found = result.summary.found
        matters = any(count and reaches(severity, self._fail_on) for severity, count in found.items())
        is_partial = result.summary.verdict is Verdict.PARTIAL
        return ExitCode.FAILED if matters or is_partial or result.approved is False else ExitCode.SUCCESS


def _lines(result: CodeReviewResult, report: ReviewReport | None) -> list[str]:
    if result.closed:
        return [f"{result.target} is closed: nothing was reviewed"]
    lines = [_finding(finding) for finding in report.findings[:_SHOWN]] if report else []
    if report and len(report.findings) > _SHOWN:
        lines.append(f"and {len(report.findings) - _SHOWN} more: --json prints all, --sarif FILE writes them")
    if report:
        lines += [
            f"{one.path}: {one.state.value}: {one.reason}"
            for one in report.files
            if one.state is not FileState.REVIEWED
        ][:_SHOWN]
    return lines + _ending(result)


def _finding(finding: Finding) -> str:
    return (
        f"{finding.path}:{finding.start_line}: {finding.severity.value}: {finding.message}"
        f" [{finding.reviewer} {finding.rule}]"
    )


def _ending(result: CodeReviewResult) -> list[str]:
    summary = result.summary
    if summary is None:
        return []
    files = ", ".join(f"{count} {state.value}" for state, count in summary.files.items())
    lines = [f"verdict: {summary.verdict.value}", f"commit: {summary.head_sha}", f"files: {files or 'none'}"]
    if summary.usage.requests or summary.usage.cached:
        lines.append(f"cost: ${summary.usage.cost / 1_000_000:.4f}, {summary.usage.cached} units from before")
    lines += [f"degraded: {reason}" for reason in summary.degraded]
    if result.approved is not None:
        lines.append(f"decision: {'approved' if result.approved else 'rejected'} {result.reason}".rstrip())
    if result.fix is not None:
        lines.append(f"fix: {result.fix.outcome.value} {result.fix.commit_sha or result.fix.reason}".rstrip())
    return [*lines, *([f"url: {result.html_url}"] if result.html_url else [])]


class ReviewLineView(View[CodeReviewProgress]):
    """Prints one line on stderr for each stage."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, progress: CodeReviewProgress) -> None:
        """Print the stage, if it is another one."""
        text = stage_line(progress)
        if text != self._last:
            _errors.say(text)
        self._last = text

    def __exit__(self, *_: object) -> None:
        """Leave what was printed."""


async def show_review(session: Session, handle: ReviewHandle, *, as_json: bool) -> ExitCode:
    """Print where a review stands, or what it came to."""
    if (await session.describe(handle.id)).status is not WorkflowExecutionStatus.RUNNING:
        outcome = ReviewOutcome(session.client, session.settings, as_json=as_json)
        outcome.success(handle.id, await handle.result())
        return await outcome.printed()
    progress = await handle.progress()
    if as_json:
        typer.echo(json.dumps({"id": handle.id, **progress.model_dump(mode="json")}))
    else:
        typer.echo(shown(f"id: {handle.id}\nstate: running\nstage: {stage_line(progress)}"))
        if page := session.temporal_url(handle.id):
            typer.echo(f"temporal: {page}")
    return ExitCode.STILL_RUNNING


def stage_line(progress: CodeReviewProgress) -> str:
    """Say where a review stands in one line."""
    match progress.stage:
        case ReviewStage.REVIEWING if progress.units:
            # Tenths: a log has a line for each change.
            tenths = 10 * progress.done // progress.units
            return f"reviewing: {tenths * 10} % of {progress.units} units"
        case ReviewStage.APPROVAL:
            return f"waits for people: perdure approval show {progress.approval_id}"
    return f"{progress.stage.value} {progress.head_sha[:12]}".rstrip()


def _draw(progress: CodeReviewProgress, now: datetime) -> RenderableType:
    seconds = int((now - progress.started_at).total_seconds())
    counted = f"  {progress.done}/{progress.units}" if progress.units else ""
    return Text(f"{progress.target}  {stage_line(progress)}{counted}  {seconds} s")


def choose_review_view() -> View[CodeReviewProgress]:
    """Return the view of a review for people that fits stderr."""
    console = terminal()
    return TerminalView(console, _draw) if console is not None else ReviewLineView()
