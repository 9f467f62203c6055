"""The steps of a review as a worker does them: over an uncommitted change, with a model behind HTTP."""

import asyncio
import json
import subprocess
from collections import Counter
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment

from perdure.activities.fetching import FetchActivities
from perdure.activities.reviewing import ReviewActivities
from perdure.activities.store import ContentStore
from perdure.ai.index import ChunkIndex
from perdure.ai.model_list import ModelList
from perdure.ai.repositories import Origin, RepositoryCache
from perdure.config import ModelEndpoint, ReviewSettings
from perdure.model.actions import StoredObject
from perdure.model.findings import Severity
from perdure.model.indexing import FetchInput
from perdure.model.metrics import MODEL_COST, MODEL_TOKENS
from perdure.model.review import FileState, ReviewPolicy, ReviewReport, ReviewTarget, Verdict
from perdure.model.reviewing import (
    AnalyseInput,
    FinishReviewInput,
    KeepResultsInput,
    ListUnitsInput,
    PlanUnitsInput,
    ProbeModelsInput,
    ReviewUnitInput,
)
from review import model_server as server_side
from review.model_server import MODEL, model_server

BEFORE = "def pay(amount):\n    return amount\n"
AFTER = "import os\n\n\ndef pay(amount):\n    total = amount * 2  # BUG\n    return eval(total)\n"


class Desk:
    """A worker's activities, and a work tree with a change that nobody has committed."""

    def __init__(self, folder, models, **fields):
        self.tree = folder / "tree"
        self.store = ContentStore(folder / "store")
        repositories = RepositoryCache(folder / "cache", Origin("http://127.0.0.1:9"))
        settings = ReviewSettings(folder=folder / "review", models=models, **fields)
        self.models = ModelList(settings)
        self.fetching = FetchActivities(repositories, self.store, ChunkIndex(folder / "index"))
        self.activities = ReviewActivities(settings, self.models, repositories=repositories, store=self.store)
        self.counted = MetricBuffer(1000)
        self._runtime = Runtime(telemetry=TelemetryConfig(metrics=self.counted))

    async def run(self, activity, *arguments):
        environment = ActivityEnvironment()
        environment.metric_meter = self._runtime.metric_meter
        return await environment.run(activity, *arguments)

    async def change(self, **files) -> StoredObject:
        for path, content in files.items():
            (self.tree / path.replace("_py", ".py").replace("_png", ".png")).write_bytes(content.encode())
        target = ReviewTarget(folder=str(self.tree), base="HEAD")
        return (await self.run(self.fetching.fetch_change, FetchInput(target=target))).change

    async def review(self, change, *, policy=ReviewPolicy(), previous=None):  # noqa: B008
        """Do what the workflow does, one thing after the other."""
        activities = self.activities
        await self.run(activities.probe_models, ProbeModelsInput(policy=policy))
        plan = await self.run(activities.plan_units, PlanUnitsInput(change=change, policy=policy))
        analysis = await self.run(activities.analyse, AnalyseInput(change=change, policy=policy))
        results = [
            await self.run(
                activities.review_unit, ReviewUnitInput(unit=unit, review_id="review/1", policy=policy)
            )
            for unit in plan.units
        ]
        kept = await self.run(activities.keep_results, KeepResultsInput(results=tuple(results)))
        return await self.run(
            activities.finish_review,
            FinishReviewInput(
                change=change,
                plan=plan.plan,
                analysis=analysis.analysis,
                kept_results=(kept,),
                previous=previous,
            ),
        )

    def report(self, summary) -> ReviewReport:
        return ReviewReport.model_validate_json(self.store.get(summary.report))


@pytest.fixture
async def server():
    async with model_server() as running:
        yield running


@pytest.fixture
def tree(tmp_path):
    """A work tree with one commit."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pay.py").write_text(BEFORE)
    for command in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"),
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return tree


@pytest.fixture
async def desk_of(tmp_path, tree):
    """Make a worker's activities over the work tree."""
    made = []

    def make(*servers, **fields):
        endpoints = [ModelEndpoint(model=f"openai:{MODEL}", base_url=each.base_url) for each in servers]
        made.append(Desk(tmp_path, tuple(endpoints), **fields))
        return made[-1]

    yield make
    for desk in made:
        await desk.models.__aexit__(None, None, None)


async def test_what_a_model_is_paid_for_is_counted_once(server, desk_of):
    """Tokens and their cost by model, and nothing for what was there already."""
    desk = desk_of(server)
    change = await desk.change(pay_py=AFTER)
    paid = desk.report(await desk.review(change)).usage
    desk.report(await desk.review(change))
    counted = Counter()
    for update in desk.counted.retrieve_updates():
        labels = update.attributes
        assert labels["model"] == f"openai:{MODEL}"
        counted[update.metric.name, labels.get("direction")] += update.value
    assert paid.input_tokens > 0
    assert counted[MODEL_TOKENS.name, "input"] == paid.input_tokens
    assert counted[MODEL_TOKENS.name, "output"] == paid.output_tokens
    assert counted[MODEL_COST.name, None] == paid.cost


async def test_a_review_joins_what_analysers_and_models_say(server, desk_of):
    """Findings of both, every file accounted for, and the same as SARIF."""
    desk = desk_of(server)
    summary = await desk.review(await desk.change(pay_py=AFTER, logo_png="\0" * 9))
    report = desk.report(summary)

    assert {each.rule for each in report.findings} >= {"planted-mistake", "S307", "F401"}
    assert {each.path: (each.state, each.reason) for each in report.files} == {
        "pay.py": (FileState.REVIEWED, ""),
        "logo.png": (FileState.SKIPPED, "binary"),
    }
    assert (summary.verdict, summary.found[Severity.NOTE]) == (Verdict.FINDINGS, 1)
    assert f"model openai:{MODEL} prompt review-1" in report.reviewers
    sarif = json.loads(desk.store.get(summary.sarif))
    assert len(sarif["runs"][0]["results"]) == len(report.findings)


async def test_the_next_push_pays_for_what_is_new_only(server, desk_of):
    """What is still there keeps its fingerprint, and what was mended is said to be fixed."""
    desk = desk_of(server)
    first = await desk.review(await desk.change(pay_py=AFTER, more_py="x = 1  # BUG\n"))
    asked = server.total
    second = await desk.review(
        await desk.change(pay_py=AFTER.replace("import os\n", "TEXT = ''\n"), more_py="x = 1  # BUG\n"),
        previous=first.report,
    )
    report = desk.report(second)

    assert (asked, server.total) == (2, 3)
    assert [each.rule for each in report.fixed] == ["F401"]
    assert len(report.still_present) == len(report.findings) == second.still_present
    assert second.usage.cached == 1
    assert second.digest != first.digest


async def test_without_a_model_analysers_review_alone(desk_of):
    """No key is needed, and what nobody can judge is not called reviewed."""
    desk = desk_of()
    change = await desk.change(pay_py=BEFORE + "\n\ndef add(a, b):\n    return a + b\n")
    summary = await desk.review(change)
    partial = await desk.review(change, policy=ReviewPolicy(analysers=("zizmor",)))

    assert (summary.verdict, summary.usage.requests) == (Verdict.PASSED, 0)
    assert (partial.verdict, partial.files) == (Verdict.PARTIAL, {FileState.SKIPPED: 1})


async def test_a_rate_limit_tells_the_engine_how_long_to_wait(server, desk_of):
    """The wait is durable: it is the engine's."""
    server.script.append(server_side.rate_limited("7"))
    desk = desk_of(server)
    unit = await first_unit(desk)
    with pytest.raises(ApplicationError) as caught:
        await desk.run(desk.activities.review_unit, ReviewUnitInput(unit=unit, review_id="r"))

    failure = caught.value
    assert (failure.type, failure.non_retryable) == ("ModelRateLimitedError", False)
    assert failure.next_retry_delay == timedelta(seconds=7)


async def test_a_wrong_model_is_permanent_before_anything_is_paid_for(server, desk_of):
    """The workflow fails at once and says what to change."""
    server.known = ("another",)
    desk = desk_of(server)
    with pytest.raises(ApplicationError) as caught:
        await desk.run(desk.activities.probe_models, ProbeModelsInput())

    assert (caught.value.type, caught.value.non_retryable) == ("ModelRefusedError", True)
    assert "another" in caught.value.details[0]["hint"]
    assert server.total == 0


async def test_what_nobody_waits_for_any_more_is_still_kept(server, desk_of):
    """A push cancels a stale review: an answer that is being paid for is there for the next one."""
    release = asyncio.Event()
    server.script.append(server_side.held(release))
    desk = desk_of(server)
    input = ReviewUnitInput(unit=await first_unit(desk), review_id="r")
    environment = ActivityEnvironment()
    running = asyncio.create_task(environment.run(desk.activities.review_unit, input))
    async with asyncio.timeout(40):
        while not server.total:
            await asyncio.sleep(0.01)
    environment.cancel()
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    result = await desk.run(desk.activities.review_unit, input)

    assert (server.total, result.usage.cached, len(result.findings)) == (1, 1, 1)


async def test_many_findings_and_many_units_do_not_travel(server, desk_of):
    """The engine carries references to what is large."""
    long = "This is wrong. " * 60
    server.always = server_side.says(
        *(
            {
                "line": line,
                "category": "bug",
                "severity": "note",
                "confidence": "low",
                "rule": "x",
                "message": long,
            }
            for line in range(2, 21)
        )
    )
    desk = desk_of(server)
    change = await desk.change(pay_py=BEFORE + "X = 1\n" * 20, long="x\n" * 300 * 501)
    plan = await desk.run(desk.activities.plan_units, PlanUnitsInput(change=change))
    listed = await desk.run(desk.activities.list_units, ListUnitsInput(plan=plan.plan, offset=500, limit=500))
    result = await desk.run(
        desk.activities.review_unit, ReviewUnitInput(unit=listed.units[-1], review_id="r")
    )
    summary = await desk.run(
        desk.activities.finish_review,
        FinishReviewInput(change=change, plan=plan.plan, results=(result,)),
    )

    assert (plan.count, plan.units, len(listed.units)) == (502, (), 2)
    assert (result.findings, result.stored is not None) == ((), True)
    assert (summary.found, summary.low_confidence) == ({Severity.NOTE: 18}, True)


async def first_unit(desk):
    change = await desk.change(pay_py=AFTER)
    plan = await desk.run(desk.activities.plan_units, PlanUnitsInput(change=change))
    return plan.units[0]
