"""One round: so many workflows, so many at once, and what they cost."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bare import TASK_QUEUE, BareInput, BareWorkflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from town import REPOSITORY, WORKFLOW_FILE, Town

from perdure.engine.actions import start_action
from perdure.model.actions import ActionInput

_REF = "main"
_HISTORIES_READ = 10

Side = Callable[[Town], Awaitable[str]]
"""Runs one workflow to its end and returns its id."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round has shown. Costs are for one workflow."""

    side: str
    per_second: float
    latencies: list[float]
    requests: dict[str, float]
    cpu_milliseconds: dict[str, float]
    events: float
    history_bytes: float
    event_kinds: dict[str, float] = field(default_factory=dict)


async def run_action(town: Town) -> str:
    """Run one action."""
    input = ActionInput(repository=REPOSITORY, workflow_file=WORKFLOW_FILE, ref=_REF)
    handle = await start_action(town.client, input)
    await handle.result()
    return handle.id


async def run_bare(town: Town) -> str:
    """Run one bare workflow."""
    number = time.monotonic_ns()
    handle = await town.client.start_workflow(
        BareWorkflow.run,
        BareInput(repository=REPOSITORY, workflow_file=WORKFLOW_FILE, ref=_REF),
        id=f"bare/{number}",
        task_queue=TASK_QUEUE,
    )
    result = await handle.result()
    if result.conclusion != "success":
        msg = f"{result.html_url} ended as {result.conclusion}"
        raise RuntimeError(msg)
    return handle.id


SIDES: dict[str, Side] = {"perdure": run_action, "bare": run_bare}


async def measure(town: Town, side: str, *, count: int, concurrency: int, pause: float = 0.0) -> Round:
    """Run a round of one side, with a pause of so many seconds after each workflow."""
    slots = asyncio.Semaphore(concurrency)
    latencies: list[float] = []

    async def one() -> str:
        async with slots:
            begun = time.perf_counter()
            workflow_id = await SIDES[side](town)
            latencies.append(time.perf_counter() - begun)
            await asyncio.sleep(pause)
            return workflow_id

    await town.forget_requests()
    cpu_before = town.cpu_seconds()
    begun = time.perf_counter()
    ids = await asyncio.gather(*(one() for _ in range(count)))
    elapsed = time.perf_counter() - begun
    cpu = town.cpu_seconds()
    requests = await town.requests()
    events, size, kinds = await _histories(town, ids[:: max(1, count // _HISTORIES_READ)])
    return Round(
        side=side,
        per_second=count / elapsed,
        latencies=sorted(latencies),
        requests={route: asked / count for route, asked in sorted(requests.items())},
        cpu_milliseconds={name: (cpu[name] - cpu_before[name]) * 1000 / count for name in cpu},
        events=events,
        history_bytes=size,
        event_kinds=kinds,
    )


async def _histories(town: Town, ids: list[str]) -> tuple[float, float, dict[str, float]]:
    """Return events, bytes, and events by kind, each for one workflow of these."""
    kinds: Counter[str] = Counter()
    sizes = []
    for workflow_id in ids:
        handle: WorkflowHandle[object, object] = town.client.get_workflow_handle(workflow_id)
        described = await handle.describe()
        sizes.append(described.raw_description.workflow_execution_info.history_size_bytes)
        async for event in handle.fetch_history_events():
            kinds[EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()] += 1
    per_workflow = {kind: seen / len(ids) for kind, seen in kinds.most_common()}
    return sum(per_workflow.values()), statistics.fmean(sizes), per_workflow
