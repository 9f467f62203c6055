"""What ``perdure run logs`` does once its options are read."""

import asyncio

import typer

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.engine.actions import get_action
from perdure.errors import UsageError
from perdure.github import GitHubClient, open_github_client
from perdure.model.actions import ActionsJob, ActionsRunRef

_PASSED = {"success", "skipped", "neutral"}


def logs(
    action_id: str, *, job: str | None, failed: bool, address: str | None, namespace: str | None
) -> ExitCode:
    """Print the logs of the run's last attempt. Each line starts with its job's name where there are several.

    Raises:
        UsageError: The action has no run yet, or its run has no such job.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        ref = await _actions_run(session, action_id)
        async with open_github_client(session.settings.github) as github:
            wanted = _chosen(await github.list_jobs(ref), job=job, failed=failed)
            for each in wanted:
                await _print_log(github, ref.repository, each, prefixed=len(wanted) > 1)
        return ExitCode.SUCCESS

    return asyncio.run(main())


async def _actions_run(session: Session, action_id: str) -> ActionsRunRef:
    progress = await get_action(session.client, action_id).progress()
    if progress.actions_run is None:
        msg = f"{action_id} has no run at GitHub: it is {progress.stage.value}"
        raise UsageError(msg, hint=f"see where it stands: perdure run show {action_id}")
    return progress.actions_run.ref


def _chosen(jobs: list[ActionsJob], *, job: str | None, failed: bool) -> list[ActionsJob]:
    if job is not None and not any(each.name == job for each in jobs):
        msg = f"the run has no job {job!r}"
        raise UsageError(
            msg, hint=f"its jobs are {', '.join(repr(each.name) for each in jobs) or 'not there yet'}"
        )
    return [
        each
        for each in jobs
        if (job is None or each.name == job)
        and (not failed or (each.conclusion is not None and each.conclusion not in _PASSED))
    ]


async def _print_log(github: GitHubClient, repository: str, job: ActionsJob, *, prefixed: bool) -> None:
    prefix = f"{shown(job.name)}\t" if prefixed else ""
    empty = True
    async for line in github.read_log(repository, job.actions_job_id):
        typer.echo(prefix + shown(line))
        empty = False
    if empty:
        why = "it has expired" if job.status == "completed" else f"the job is {job.status}"
        _errors.say(f"{job.name}: no log, {why}")
