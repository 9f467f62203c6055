"""Fleets over organisations: their repositories, their tier's queue, their turns, and who is alerted."""

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowFailureError

from fleet.test_chunked_processor import until
from fleet.work import desk_worker
from perdure.activities.alerting import AlertInput, issue_mark, issue_text
from perdure.config import NotifySettings
from perdure.engine.fleets import start_fleet
from perdure.errors import NoWorkerError
from perdure.model.fleet import ListedItems, OrganizationItems, Tier, Work
from perdure.model.fleet_progress import AlertTarget, FleetConclusion, NamedFailure, OrganizationInput
from perdure.workflows.organization_pipeline import OrganizationPipelineWorkflow
from webhook_receiver import receiving


def organization(queue, name="acme", **fields):
    """Return the input of a fleet over an organisation whose tier queue is a test's own."""
    given = {"work": Work(workflow="FleetTestChild"), "tier": Tier.PRO, **fields}
    return OrganizationInput(organization=name, tier_queue=queue + "-{tier}", **given)


async def test_every_repository_of_an_organisation_is_done_on_its_tiers_queue(house):
    """GitHub's list is the list; archived repositories and forks are left out."""
    for name in ("one", "two", "three"):
        house.add(f"globex/{name}")
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    async with desk_worker(house.client, f"{queue}-pro") as desk:
        handle = await start_fleet(house.client, organization(queue, "globex"), task_queue=house.task_queue)
        result = await handle.result()
    assert handle.id.startswith("fleet/globex/")
    assert set(desk.done) == {"globex/one", "globex/two", "globex/three"}
    assert (result.counts.total, result.counts.succeeded) == (3, 3)


async def test_an_organisation_that_does_not_exist_fails_the_fleet_and_says_so(yard):
    """A misspelled name is no endless wait."""
    handle = await yard.start(OrganizationItems(organization="nobody-here"))
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert caught.value.cause.type == "RepositoryNotFoundError"
    assert "nobody-here" in caught.value.cause.message


async def test_nothing_is_started_where_nobody_polls_the_tiers_queue(house):
    """Who would do the work is known before anything is begun, and how to start them."""
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    usual = OrganizationInput(organization="acme", tier=Tier.PRO, work=Work(workflow="FleetTestChild"))
    own, default = await asyncio.gather(
        start_fleet(house.client, organization(queue, tier=Tier.ENTERPRISE), task_queue=house.task_queue),
        start_fleet(house.client, usual, task_queue=house.task_queue),
        return_exceptions=True,
    )
    assert isinstance(own, NoWorkerError)
    assert f"{queue}-enterprise" in str(own)
    assert "tier enterprise" in own.hint
    assert isinstance(default, NoWorkerError)
    assert "perdure-review-pro" in str(default)
    assert "PERDURE_WORKER_QUEUE_SUFFIX=-pro perdure worker --queues" in default.hint


async def test_a_large_organisation_does_not_starve_a_small_one(house):
    """Those who share a queue get turns: the small one's work is not done last, though it came last."""
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    work = Work(activity="fleet_test_work")
    handles = []
    for name, count in (("large", 60), ("small", 10)):
        items = ListedItems(items=tuple(f"{name}/{number}" for number in range(count)))
        input = organization(queue, name, work=work, repositories=items, max_parallel=60)
        handles.append(
            await house.client.start_workflow(
                OrganizationPipelineWorkflow.run,
                input,
                id=f"fleet/{name}/{uuid.uuid4().hex[:8]}",
                task_queue=house.task_queue,
            )
        )

        async def begun(count=count):
            progress = await handles[-1].query(OrganizationPipelineWorkflow.progress)
            # Scheduled, once the history says so.
            events = [
                event
                async for event in handles[-1].fetch_history_events()
                if event.HasField("activity_task_scheduled_event_attributes")
            ]
            return progress.running_count == count and len(events) == count

        await until(begun)
    async with desk_worker(
        house.client, f"{queue}-pro", max_concurrent_activities=1, disable_eager_activity_execution=True
    ) as desk:
        await asyncio.gather(*(handle.result() for handle in handles))
    assert len(desk.order) == 70
    last_small = max(place for place, item in enumerate(desk.order) if item.startswith("small/"))
    # In the order of their arrival it would be the last of 70.
    assert last_small < 45


async def test_too_many_failures_alert_once_while_the_fleet_still_runs(idle_house, monkeypatch):
    """People hear of it as soon as it is certain, and once; that a webhook cannot be told stops nothing."""
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    notify = NotifySettings(allow_private=True)
    items = ListedItems(items=("bad-1", "bad-2", "bad-3", *(f"slow-{n}" for n in range(5))))
    async with receiving() as receiver, idle_house.workers(notify=notify):
        monkeypatch.setenv("FLEET_HOOK", receiver.url)
        async with desk_worker(idle_house.client, f"{queue}-pro") as desk:
            input = organization(
                queue, repositories=items, max_parallel=3, alert=AlertTarget(webhook="env:FLEET_HOOK")
            )
            handle = await start_fleet(idle_house.client, input, task_queue=idle_house.task_queue)
            await receiver.until(1)
            result = await handle.result()
    assert len(receiver.posts) == 1
    said, _, names = receiver.texts[0].rpartition(": ")
    assert said == "Fleet acme: 3 of 8 items failed"
    assert sorted(names.split(", ")) == ["bad-1", "bad-2", "bad-3"]
    assert result.conclusion is FleetConclusion.FAILURE
    assert result.alert == "webhook: told"
    assert desk.done.total() == 5


def test_an_issue_shows_names_from_elsewhere_as_text():
    """A repository's name or an error message mentions nobody and closes nothing."""
    alert = AlertInput(
        repository="acme/ops",
        fleet_id="fleet/a/b",
        title="Fleet a: 1 of 2 items failed",
        failures=(NamedFailure(key="x`y", outcome="failed", reason="@everyone\n# see `this`"),),
    )
    text = issue_text(alert)
    assert issue_mark("fleet/a/b") in text
    assert "- `x'y`: `@everyone # see 'this'`" in text
    assert "perdure fleet report fleet/a/b" in text
