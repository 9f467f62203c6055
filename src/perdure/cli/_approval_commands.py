"""What ``perdure approval`` does once its options are read."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from perdure.cli import _errors
from perdure.cli._desks import Desk, open_desk
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._fields import read_fields
from perdure.cli._run_list import aligned
from perdure.cli._shown import shown
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import CountedDecision, How, Verdict

_COLUMNS = ("ID", "WAITS FOR", "MISSING", "DEADLINE", "MESSAGE")
_LONGEST_MESSAGE = 60


@dataclass(frozen=True, kw_only=True)
class Where:
    """As whom and where an approval is looked for."""

    acting_as: str | None = None
    address: str | None = None
    namespace: str | None = None

    def desk(self) -> tuple[Desk, bool]:
        """Return the way to it, and whether it takes the person at their word."""
        return open_desk(self.acting_as, address=self.address, namespace=self.namespace)


def list_open(where: Where, *, mine: bool, as_json: bool) -> ExitCode:
    """Print the open approvals, the newest first."""
    desk, _ = where.desk()
    found = asyncio.run(desk.open_approvals(mine=mine))
    for unanswered in found.unanswered:
        _errors.show_warning(f"{unanswered}: no worker answers, so nobody knows what it asks")
    if as_json:
        for progress in found.approvals:
            typer.echo(progress.model_dump_json())
        return ExitCode.SUCCESS
    now = datetime.now(UTC) if sys.stdout.isatty() else None
    rows = [_row(progress, now) for progress in found.approvals]
    if not rows:
        _errors.say("no approval waits for you" if mine else "no approval waits for anybody")
    elif now is not None:
        typer.echo(shown("\n".join(aligned((_COLUMNS, *rows)))))
    else:
        typer.echo(shown("\n".join("\t".join(row) for row in rows)))
    return ExitCode.SUCCESS


def show(where: Where, approval_id: str, *, as_json: bool) -> ExitCode:
    """Print where an approval stands."""
    desk, _ = where.desk()
    progress = asyncio.run(desk.show(approval_id))
    typer.echo(progress.model_dump_json() if as_json else shown("\n".join(_lines(progress))))
    return ExitCode.SUCCESS


def decide(
    where: Where, approval_id: str, verdict: Verdict, *, comment: str, form: tuple[str, ...] = ()
) -> ExitCode:
    """Approve or reject.

    Raises:
        DecisionRefusedError: It does not count.
        UsageError: The form cannot be read, or there is no such approval.
    """
    fields = read_fields(form)
    desk, at_their_word = where.desk()

    async def main() -> ApprovalProgress:
        seen = await desk.show(approval_id)
        return await desk.decide(seen, verdict, comment=comment, form=dict(fields))

    progress = asyncio.run(main())
    if at_their_word:
        _errors.show_warning("local mode: nobody checked who you are, and that is said on your decision")
    mine = progress.decisions[-1].approver.login if progress.decisions else ""
    _errors.say(f"{verdict.value} {progress.id} as {mine}")
    if progress.result is not None:
        typer.echo(f"verdict: {progress.result.verdict}")
    else:
        missing = progress.approvals_missing
        _errors.say(f"{missing} more {'has' if missing == 1 else 'have'} to approve: {_waits_for(progress)}")
    return ExitCode.SUCCESS


def _row(progress: ApprovalProgress, now: datetime | None) -> tuple[str, ...]:
    deadline = f"in {format_duration(progress.deadline - now)}" if now else progress.deadline.isoformat()
    message = " ".join(progress.request.message.split())
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[: _LONGEST_MESSAGE - 1]}…"
    return (progress.id, _waits_for(progress), str(progress.approvals_missing), deadline, message)


def _waits_for(progress: ApprovalProgress) -> str:
    return ", ".join(progress.may_decide) or "anybody"


def _lines(progress: ApprovalProgress) -> Iterator[str]:
    request = progress.request
    yield f"id: {progress.id}"
    yield f"state: {_state(progress)}"
    if request.message:
        yield from ("message:", *(f"  {line}" for line in request.message.splitlines()))
    yield f"approvers: {', '.join(progress.approvers) or 'anybody'}"
    yield f"quorum: {request.quorum}"
    if request.requester is not None:
        yield f"started by: {request.requester.login}"
    yield f"digest: {progress.digest}"
    yield f"deadline: {progress.deadline.isoformat(timespec='seconds')}, then {request.on_timeout.value}"
    yield f"mode: {progress.mode.value if progress.mode else 'not known yet'}"
    yield from _form_lines(progress)
    if progress.decisions:
        yield "decisions:"
        yield from (f"  {_decision(decision)}" for decision in progress.decisions)
    if progress.refused_count:
        yield f"refused: {progress.refused_count}"
        yield from (
            f"  {refused.at.isoformat(timespec='seconds')} {refused.claimed_by or 'somebody'}:"
            f" {refused.message}"
            for refused in progress.refused[-10:]
        )


def _form_lines(progress: ApprovalProgress) -> Iterator[str]:
    if not progress.request.form:
        return
    yield "form:"
    for name, field in progress.request.form.items():
        entered = progress.form.get(name)
        default = "" if field.default is None else f", {field.default} where it is left out"
        options = f", one of {', '.join(field.options)}" if field.options else ""
        value = f" = {entered}" if entered is not None else ""
        description = f": {field.description}" if field.description else ""
        yield f"  {name}{value} ({field.type.value}{options}{default}){description}"


def _state(progress: ApprovalProgress) -> str:
    if progress.result is not None:
        return f"{progress.result.verdict.value} ({progress.result.reason.value})"
    if progress.cancelled:
        return "cancelled"
    return f"waits for {progress.approvals_missing} of: {_waits_for(progress)}"


def _decision(decision: CountedDecision) -> str:
    how = "" if decision.how is How.SIGNED else f" ({decision.how.value}: nobody checked who)"
    why = f": {decision.comment}" if decision.comment else ""
    when = decision.at.isoformat(timespec="seconds")
    return f"{when} {decision.verdict.value} by {decision.approver.login}{how}{why}"
