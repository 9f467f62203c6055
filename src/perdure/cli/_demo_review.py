"""What ``perdure demo --review`` does: the review of a pull request, from its findings to the fix."""

import asyncio
from datetime import timedelta

import httpx2
import typer
from temporalio.client import Client

from perdure.cli import _errors
from perdure.cli._demo_release import page_of, when_asked
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_setup import LocalSetup, create_change
from perdure.cli._review_run import ReviewOutcome, choose_review_view
from perdure.cli._views import View
from perdure.cli._waiting import wait_for_end
from perdure.config import Settings, StoreSettings
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.connection import connect_local
from perdure.engine.reviews import start_review
from perdure.errors import GitHubError
from perdure.model.approvals import Person, Verdict
from perdure.model.code_review import CodeReviewInput, CodeReviewProgress
from perdure.model.review import RequireApproval, ReviewPolicy, ReviewTarget

REPOSITORY = "acme/shop"
BRANCH = "receipts"
_APPROVER = "alice"
_TIMEOUT = timedelta(minutes=2)


async def run_review(setup: LocalSetup) -> ExitCode:
    """Open a pull request, review it, approve the safe fixes, and show the commit.

    Raises:
        PerdureError: The review failed.
    """
    client = await connect_local(setup.server.address)
    target = ReviewTarget(repository=REPOSITORY, pull_number=await _open_pull_request(setup))
    policy = ReviewPolicy(fix=True, require_approval=RequireApproval.ALWAYS, approvers=(_APPROVER,))
    asked = CodeReviewInput(target=target, policy=policy, requester=Person(login="carol"))
    handle = await start_review(client, asked)
    page = page_of(setup, handle.id)
    _errors.say(f"started {handle.id}: {page}")
    view = choose_review_view()
    outcome = ReviewOutcome(client, Settings(store=StoreSettings(path=setup.folder / "store")))
    approving = asyncio.create_task(_approve(client, f"approval/{handle.id}/1", view))
    try:
        code = await wait_for_end(handle, view, outcome, timeout=_TIMEOUT)
    finally:
        approving.cancel()
        await asyncio.wait({approving})
    if code is ExitCode.SUCCESS:
        # That something was found is what the demo is about.
        await outcome.printed()
        typer.echo(f"temporal: {page}")
    return code


async def _open_pull_request(setup: LocalSetup) -> int:
    await asyncio.to_thread(create_change, setup.github_folder, REPOSITORY, BRANCH)
    async with httpx2.AsyncClient(base_url=setup.github_url, timeout=30) as github:
        answer = await github.post(
            f"/repos/{REPOSITORY}/pulls",
            headers={"authorization": "Bearer emulated"},
            json={"head": BRANCH, "base": "main", "title": "Print receipts"},
        )
    if answer.status_code != httpx2.codes.CREATED:
        msg = f"the emulated GitHub opened no pull request: {answer.text[:300]}"
        raise GitHubError(msg, status=answer.status_code)
    opened = answer.json()
    _errors.say(f"opened {opened['html_url']}")
    return int(opened["number"])


async def _approve(client: Client, id: str, view: View[CodeReviewProgress]) -> None:
    """Do what a person would with ``perdure approval approve``."""
    asked = await when_asked(client, id)
    comment = "the safe ones"
    await get_approval(client, id).decide(local_decision(asked, _APPROVER, Verdict.APPROVED, comment=comment))
    view.say(f"perdure approval approve {id} --as {_APPROVER} --comment '{comment}'")
