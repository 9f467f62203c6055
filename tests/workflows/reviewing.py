"""A pull request at the emulated GitHub, and workers that review it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

from perdure.config import IndexSettings, ReviewSettings
from perdure.emulator import Repository, commit_files, create_repository
from perdure.emulator.pull_requests import NewPull
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.reviews import start_review
from perdure.engine.workers import run_workers
from perdure.errors import ApprovalNotKnownError
from perdure.model import queues
from perdure.model.approvals import Person, Verdict
from perdure.model.code_review import CodeReviewInput
from perdure.model.review import RequireApproval, ReviewPolicy, ReviewTarget

BRANCH = "feature"
BEFORE = {"shop.py": '"""A shop."""\n\n\ndef price():\n    """Return it."""\n    return 1\n'}
AFTER = {
    "shop.py": '"""A shop."""\n\nimport os\n\n\ndef price():\n    """Return it."""\n    return 2  # BUG\n',
    "package-lock.json": '{"lockfileVersion": 3}\n',
}
FIXED = AFTER["shop.py"].replace("import os\n", "")
DECIDES = ReviewPolicy(fix=True, require_approval=RequireApproval.ALWAYS, approvers=("alice",))


@dataclass
class ReviewHouse:
    """A house with a pull request in it."""

    house: object
    name: str
    number: int = 1

    @property
    def target(self):
        return ReviewTarget(repository=self.name, pull_number=self.number)

    @property
    def repository(self):
        return Repository(self.name, self.house.root / f"{self.name}.git")

    @property
    def head(self):
        return self.repository.resolve(f"refs/heads/{BRANCH}").sha

    def push(self, files):
        return commit_files(self.repository, files, branch=BRANCH, message="More")

    def text(self, path="shop.py"):
        return self.repository.read(self.head, path).decode()

    @property
    def pulls(self):
        return self.house.emulator.services.pulls

    async def start(self, policy=DECIDES, *, target=None, **more):
        asked = CodeReviewInput(
            target=target or self.target, policy=policy, requester=Person(login="carol"), **more
        )
        return await start_review(self.house.client, asked, task_queue=self.house.task_queue)

    async def asked(self, handle, *, other_than=""):
        """Return where the approval that a review waits for stands."""
        async with asyncio.timeout(40):
            while True:
                progress = await handle.progress()
                if progress.approval_id and progress.approval_id != other_than:
                    try:
                        approval = await get_approval(self.house.client, progress.approval_id).progress()
                    except ApprovalNotKnownError:
                        approval = None
                    if approval is not None and approval.waiting_on:
                        return progress.approval_id, approval
                await asyncio.sleep(0.1)

    async def decide(self, handle, verdict=Verdict.APPROVED, *, comment="", form=None):
        id, asked = await self.asked(handle)
        decision = local_decision(asked, "alice", verdict, comment=comment, form=form or {})
        await get_approval(self.house.client, id).decide(decision)


@asynccontextmanager
async def reviewing(house, tmp_path, *, models=(), **more):
    """Open a pull request, and run workers for reviews beside the block."""
    # Tests share the engine, where a pull request has one review.
    name = f"acme/shop{house.task_queue.removeprefix('perdure')}"
    create_repository(house.root, name, BEFORE)
    settings = house.settings.model_copy(
        update={
            "review": ReviewSettings(folder=tmp_path / "review", models=models, **more),
            "index": IndexSettings(repositories=tmp_path / "repositories", path=tmp_path / "index"),
        }
    )
    opened = ReviewHouse(house, name)
    opened.push(AFTER)
    opened.pulls.open(opened.repository, NewPull(head=BRANCH, base="main", title="Prices", author="dora"))
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        run_workers(house.client, settings, queues.REVIEWING, stop=stop, ready=ready)
    )
    is_ready = asyncio.create_task(ready.wait())
    await asyncio.wait({running, is_ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield opened
    finally:
        is_ready.cancel()
        stop.set()
        await running
