"""The release of ``pipeline.yaml`` as a Python workflow: the same steps, approvals and way back.

``python release.py work`` is its worker. ``python release.py v1.2.3`` starts the release of a version, or
attaches to the one that is there, and waits for its end.
"""

import asyncio
import contextlib
import getpass
import re
import sys
from datetime import timedelta
from itertools import product

from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from perdure import PerdureError, PerdurePlugin, connect, leave
from perdure.workflow import (
    ActionResult,
    ActionRetry,
    FormField,
    FormFieldType,
    OnAmbiguity,
    Person,
    RetryOn,
    compensations,
    gather_bounded,
    lock,
    request_approval,
    run_action,
)

QUEUE = "releases"


async def action(
    file: str, inputs: dict[str, str] | None = None, on_ambiguity: OnAmbiguity = OnAmbiguity.REDISPATCH
) -> ActionResult:
    """Run an action of this organisation, with the defaults of this release."""
    repository, _, workflow_file = file.partition("/")
    return await run_action(
        f"acme/{repository}",
        workflow_file,
        ref="main",
        inputs=inputs or {},
        on_ambiguity=on_ambiguity,
        queue_timeout=timedelta(minutes=30),
        run_timeout=timedelta(hours=2),
        retry=ActionRetry(attempts=2, on=frozenset({RetryOn.FAILURE, RetryOn.NEVER_STARTED})),
    )


@workflow.defn
class Release:
    """Releases a library and the service that uses it, and undoes it all on failure."""

    @workflow.run
    async def run(self, version: str, requester: str, canary: bool = True) -> str:
        """Return what was released."""
        async with lock("release"), compensations() as undo:
            await self._test()
            published = await action("library/publish.yml", {"version": version})
            undo.add(action, "library/yank.yml", {"version": version})
            built = await action("service/build.yml", {"library": str(published.outputs["package"])})
            image = str(built.outputs["image"])
            percent = await self._approved_percent(image, requester)
            if not canary:
                return f"released {image}"
            await action("deploy/deploy.yml", {"image": image, "percent": percent}, OnAmbiguity.HOLD)
            undo.add(action, "deploy/rollback.yml")
            await action("deploy/smoke.yml")
        return f"released {image}, deployed for {percent}% of the users"

    async def _test(self) -> None:
        """Test on every system with every Python, two at a time."""
        matrix = product(("linux", "mac"), ("3.11", "3.13"))
        tests = (action("library/test.yml", {"os": system, "python": python}) for system, python in matrix)
        await gather_bounded(tests, limit=2)

    async def _approved_percent(self, image: str, requester: str) -> str:
        """Ask two people for how many of the users to deploy."""
        approval = await request_approval(
            f"Deploy {image}?",
            id=f"{workflow.info().workflow_id}/approve",
            approvers=("alice", "team:acme/release"),
            quorum=2,
            requester=Person(login=requester),
            timeout=timedelta(hours=24),
            remind=timedelta(hours=4),
            form={"percent": FormField(type=FormFieldType.INTEGER, minimum=1, maximum=100, default=10)},
        )
        if not approval.approved:
            message = f"the deployment was not approved: {approval.reason.value}"
            raise ApplicationError(message, type="NotApproved", non_retryable=True)
        return str(approval.form["percent"])


async def work() -> None:
    """Work until Ctrl-C. Perdure's own queues are polled by ``perdure up``."""
    client = await connect(plugins=[PerdurePlugin(task_queues=())])
    await Worker(client, task_queue=QUEUE, workflows=[Release]).run()


async def release(version: str) -> int:
    """Start a release, or attach to the one of this version, and return an exit status."""
    client = await connect()
    handle = await client.start_workflow(
        Release.run,
        args=[version, getpass.getuser()],
        id=f"release-{version}",
        task_queue=QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    print(f"started {handle.id}", file=sys.stderr)
    try:
        print(await handle.result())
    except WorkflowFailureError as failure:
        print(f"error: {failure.cause}", file=sys.stderr)
        return 1
    return 0


def main(argument: str) -> int:
    """Do what the command line says."""
    if argument == "work":
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(work())
        return 0
    if not re.fullmatch(r"v\d+\.\d+\.\d+", argument):
        print(f"error: {argument!r} is no version\n\nhint: write one such as v1.2.3", file=sys.stderr)
        return 2
    try:
        return asyncio.run(release(argument))
    except PerdureError as error:
        print(f"error: {error}\n\nhint: {error.hint}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    # Temporal's SDK may crash while Python ends, after all the work is done: leave before that.
    leave(main(sys.argv[1] if len(sys.argv) == 2 else ""))
