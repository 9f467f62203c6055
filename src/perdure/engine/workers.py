"""Workers for Perdure's task queues: the one place where workflows meet the outside world."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from perdure.activities.actions import ActionActivities
from perdure.activities.alerting import AlertActivities
from perdure.activities.approvals import ApprovalActivities
from perdure.activities.dispatching import DispatchActivities
from perdure.activities.fixing import FixActivities
from perdure.activities.fleet import FleetActivities
from perdure.activities.locking import LockActivities
from perdure.activities.named import named_activity
from perdure.activities.notifying import MarkActivities, WebhookActivities
from perdure.activities.publishing import PublishingActivities
from perdure.activities.store_reading import StoreActivities
from perdure.activities.watching import WatchActivities
from perdure.activities.webhooks import WebhookPoster
from perdure.config import Settings
from perdure.engine.deployments import deployment_config
from perdure.engine.logs import ActionsUrlInterceptor
from perdure.engine.pages import pages_of
from perdure.engine.sampling import sampling
from perdure.engine.sealed_store import content_store
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.engine.start_arguments import ArgumentCheckingRunner
from perdure.engine.tracing import trace_requests
from perdure.errors import PerdureError, UsageError
from perdure.github import GitHubClient, open_github_client
from perdure.model import queues
from perdure.workflows.counting import CountingInterceptor
from perdure.workflows.interceptor import MessageInterceptor
from perdure.workflows.registry import WORKFLOWS

STICKY_QUEUE_TIMEOUT = timedelta(seconds=1)
"""How long the server waits for the worker that has a workflow in memory: a killed one costs this much."""

_PASSED_THROUGH = ("perdure", "pydantic", "pydantic_core", "annotated_types", "typing_extensions")


def workflow_runner() -> SandboxedWorkflowRunner:
    """Return the sandbox, with what is known to be deterministic passed through.

    Models that the sandbox imports again for each workflow would cost 16 ms and 600 kB each.
    """
    return ArgumentCheckingRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH)
    )


async def run_workers(
    client: Client,
    settings: Settings,
    task_queues: Collection[str] = queues.ALL,
    *,
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
) -> None:
    """Poll the queues until told to stop, then let running activities finish what is short.

    Args:
        client: Connected with Perdure's data converter: see :func:`perdure.engine.connection.connect`.
        settings: Where GitHub is and who Perdure is there.
        task_queues: Names without the settings' suffix.
        stop: Set it to drain.
        ready: Set once all queues are polled.

    Raises:
        SettingsError: The settings hold no usable credentials for GitHub.
        UsageError: One of the queues is not Perdure's.
    """
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(open_github_client(settings.github))
        trace_requests(github, settings.tracing)
        takes_search_attributes = await ensure_search_attributes(client)
        for worker in build_workers(
            client, settings, github, task_queues=task_queues, search_attributes=takes_search_attributes
        ):
            await stack.enter_async_context(worker)
        if set(task_queues) & set(queues.REVIEWING):
            # Imported late: they need the extra `review`.
            from perdure.engine.review_workers import open_review_workers

            for worker in await stack.enter_async_context(
                open_review_workers(client, settings, github, task_queues)
            ):
                await stack.enter_async_context(worker)
        await stack.enter_async_context(sampling(client, settings, github, task_queues))
        if ready is not None:
            ready.set()
        await stop.wait()


def build_workers(
    client: Client,
    settings: Settings,
    github: GitHubClient,
    *,
    task_queues: Collection[str] = queues.ALL,
    search_attributes: bool = False,
) -> Sequence[Worker]:
    """Return one worker for each queue. They share their activities, so that a watcher hears at once."""
    unknown = set(task_queues) - {*queues.ALL, *queues.REVIEWING}
    if unknown:
        msg = f"{', '.join(sorted(unknown))}: not one of Perdure's task queues"
        raise UsageError(msg, hint=f"choose among {', '.join((*queues.ALL, *queues.REVIEWING))}")
    watching = WatchActivities(
        github,
        client,
        shortest_interval=settings.watch.shortest_interval,
        longest_interval=settings.watch.longest_interval,
    )
    store = content_store(settings)
    actions = ActionActivities(
        github,
        store,
        grace_time=settings.github.grace_time,
        reconcile_interval=settings.watch.reconcile_interval,
        search_attributes=lambda: search_attributes,
    )
    approvals = ApprovalActivities(
        settings.approvals,
        engine_address=client.service_client.config.target_host,
        search_attributes=lambda: search_attributes,
    )
    dispatching = DispatchActivities(github)
    locking = LockActivities(client)
    fleets = FleetActivities(store, client, github)
    alerting = AlertActivities(github)
    page_of = pages_of(client, settings)
    webhooks = WebhookActivities(WebhookPoster(settings.notify), page_of=page_of)
    marks = MarkActivities(github, page_of=page_of)
    publishing, fixing = PublishingActivities(github, store), FixActivities(github, store)
    suffix = settings.worker.queue_suffix
    worker = partial(
        Worker,
        client,
        max_concurrent_activities=settings.worker.max_concurrent_activities,
        graceful_shutdown_timeout=settings.worker.graceful_shutdown,
        deployment_config=deployment_config(settings.worker),
        interceptors=[ActionsUrlInterceptor(github.git_url)],
    )
    builders = {
        queues.WORKFLOWS: lambda: worker(
            task_queue=queues.WORKFLOWS + suffix,
            workflows=WORKFLOWS,
            activities=[
                actions.plan_dispatch,
                actions.find_actions_runs,
                actions.get_actions_run,
                actions.poll_actions_run,
                actions.explain_actions_run,
                actions.read_outputs,
                watching.ask_for_news,
                approvals.read_approval_trust,
                locking.ask_for_lock,
                locking.find_gone,
                webhooks.post_webhook,
                publishing.read_pull_request,
                fixing.prepare_fixes,
                StoreActivities(store).read_stored,
                *fleets.all,
                *(named_activity(reference) for reference in settings.worker.activities),
            ],
            workflow_runner=workflow_runner(),
            workflow_failure_exception_types=[PerdureError],
            interceptors=[
                ActionsUrlInterceptor(github.git_url),
                CountingInterceptor(),
                MessageInterceptor(),
            ],
            max_cached_workflows=settings.worker.max_cached_workflows,
            sticky_queue_schedule_to_start_timeout=STICKY_QUEUE_TIMEOUT,
        ),
        queues.DISPATCH: lambda: worker(
            task_queue=queues.DISPATCH + suffix,
            activities=[
                dispatching.dispatch_actions_workflow,
                dispatching.rerun_failed_jobs,
                dispatching.cancel_actions_run,
                marks.put_mark,
                alerting.open_issue,
                publishing.publish_review,
                publishing.say_rejected,
                fixing.apply_fixes,
            ],
            max_task_queue_activities_per_second=settings.worker.dispatches_per_second,
        ),
        queues.WATCH: lambda: worker(
            task_queue=queues.WATCH + suffix,
            activities=[watching.watch_actions_runs],
        ),
    }
    return [builders[queue]() for queue in queues.ALL if queue in task_queues]
