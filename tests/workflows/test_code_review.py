"""Code reviews from the head of a pull request to the fix that people approve, through real workers."""

import inspect
from typing import get_type_hints

import pytest

from perdure.activities.fetching import FetchActivities
from perdure.activities.fix_verifying import FixVerification
from perdure.activities.fixing import FixActivities
from perdure.activities.publishing import PublishingActivities
from perdure.activities.reviewing import ReviewActivities
from perdure.config import NotifySettings
from perdure.errors import InvalidRepositoryError, ModelRefusedError, UsageError
from perdure.model.approvals import Verdict as Decision
from perdure.model.code_review import RepositoryAnalysisInput
from perdure.model.fixing import ApplyOutcome
from perdure.model.posting import PublishOutcome
from perdure.model.review import FileState, RequireApproval, ReviewPolicy, ReviewTarget, Verdict
from perdure.workflows import _review_calls
from perdure.workflows.repository_analysis import RepositoryAnalysisWorkflow
from review.model_server import MODEL, model_server
from webhook_receiver import receiving
from workflows.reviewing import DECIDES, FIXED, reviewing

POSTED = ReviewPolicy()


@pytest.fixture
async def review(house, tmp_path):
    """A pull request under static review."""
    async with reviewing(house, tmp_path) as opened:
        yield opened


async def test_an_approved_fix_becomes_one_commit(review):
    """What is found is posted; what is approved is committed, by its own name, to the branch."""
    handle = await review.start()
    await review.decide(handle, comment="go on")
    result = await handle.result()
    assert result.approved
    assert result.published.outcome is PublishOutcome.POSTED
    assert result.fix.outcome is ApplyOutcome.COMMITTED
    assert review.text() == FIXED
    assert review.head == result.fix.commit_sha
    assert result.summary.verdict is Verdict.FINDINGS
    assert result.summary.files == {FileState.REVIEWED: 2}


async def test_typed_again_nothing_is_said_twice(review):
    """The same head has one review, however often somebody asks for it."""
    first = await (await review.start(POSTED)).result()
    again = await (await review.start(POSTED)).result()
    assert first.published.outcome is PublishOutcome.POSTED
    assert again.published.outcome is PublishOutcome.FOUND
    assert again.summary.still_present == sum(again.summary.found.values())


async def test_whoever_is_to_decide_is_told_and_the_review_waits_for_no_webhook(
    idle_house, tmp_path, monkeypatch
):
    """One webhook hears of the approval, the other leads nowhere; the review ends all the same."""
    async with receiving() as receiver:
        monkeypatch.setenv("A_WEBHOOK", receiver.url)
        policy = DECIDES.model_copy(update={"notify": ("env:A_WEBHOOK", "env:NOT_SET_ANYWHERE")})
        async with (
            idle_house.workers(notify=NotifySettings(allow_private=True)),
            reviewing(idle_house, tmp_path) as review,
        ):
            handle = await review.start(policy)
            id, _ = await review.asked(handle)
            await receiver.until(1)
            await review.decide(handle)
            assert (await handle.result()).approved
    assert f"perdure approval approve {id}" in receiver.texts[0]


async def test_a_push_makes_what_was_asked_stale(review):
    """Nobody approves a commit that is not the head any more: the new head is reviewed, and asked about."""
    handle = await review.start()
    stale, _ = await review.asked(handle)
    head = review.push({"other.py": '"""Nothing."""\n'})
    again = await review.start()
    assert not again.started
    await review.asked(handle, other_than=stale)
    await review.decide(handle)
    result = await handle.result()
    assert result.head_sha == head
    assert result.approved


async def test_a_rejection_is_said_and_changes_nothing(review):
    """The branch stays as it is, and the reason stands on the pull request."""
    head = review.head
    handle = await review.start()
    await review.decide(handle, Decision.REJECTED, comment="not now")
    result = await handle.result()
    assert result.approved is False
    assert result.reason == "not now"
    assert result.fix is None
    assert review.head == head


async def test_a_closed_pull_request_is_left_alone(review):
    """It is neither reviewed nor written to."""
    review.pulls.set_state(review.pulls.find(review.repository, 1), "closed", "dora")
    result = await (await review.start(POSTED)).result()
    assert result.closed
    assert result.summary is None


async def test_what_is_not_there_is_said(review):
    """Neither a pull request nor a repository that does not exist is tried for ever."""
    handle = await review.start(POSTED, target=ReviewTarget(repository=review.name, pull_number=99))
    with pytest.raises(InvalidRepositoryError):
        await handle.result()
    handle = await review.start(POSTED, target=ReviewTarget(repository="acme/nowhere"))
    with pytest.raises(InvalidRepositoryError):
        await handle.result()


async def test_a_review_that_nobody_could_decide_does_not_begin(review):
    """The change's author does not approve it, so that a quorum of the author alone cannot be reached."""
    policy = DECIDES.model_copy(update={"approvers": ("dora",)})
    with pytest.raises(UsageError, match="does not count"):
        await (await review.start(policy)).result()


async def test_a_model_reviews_each_part_once(house, tmp_path):
    """Its remarks are published; asked again, nothing is paid for twice."""
    async with (
        model_server() as server,
        reviewing(house, tmp_path, models=(f"openai:{MODEL}@{server.base_url}",)) as review,
    ):
        first = await (await review.start(POSTED)).result()
        paid = server.total
        assert paid >= 1
        assert first.summary.found["error"] == 1
        assert first.summary.usage.requests == paid
        again = await (await review.start(POSTED)).result()
        assert server.total == paid
        assert again.summary.usage.cached >= 1


async def test_a_key_that_is_refused_is_said_before_anything_is_paid(house, tmp_path):
    """A review with a wrong key ends at once and says which model it is."""
    async with (
        model_server() as server,
        reviewing(house, tmp_path, models=(f"openai:{MODEL}@{server.base_url}",)) as review,
    ):
        server.key = "another"
        with pytest.raises(ModelRefusedError, match=MODEL):
            await (await review.start(POSTED)).result()
        assert server.total == 0


async def test_a_whole_repository_is_analysed(review):
    """Every file is accounted for, and nothing is posted."""
    client = review.house.client
    result = await client.execute_workflow(
        RepositoryAnalysisWorkflow.run,
        RepositoryAnalysisInput(repository=review.name, ref="feature"),
        id=f"analysis/{review.house.task_queue}",
        task_queue=review.house.task_queue,
    )
    assert result.head_sha == review.head
    assert result.files == {FileState.REVIEWED: 2}
    assert not review.house.emulator.services.state.reviews


def test_activities_are_called_by_the_names_and_types_that_they_have():
    """Reviews call activities by name, so that workflows run where the extra is not installed."""
    done_by = {
        function.__name__: get_type_hints(function)
        for kind in (
            FetchActivities,
            FixActivities,
            FixVerification,
            PublishingActivities,
            ReviewActivities,
        )
        for function in vars(kind).values()
        if hasattr(function, "__temporal_activity_definition")
    }
    called = {
        name: get_type_hints(call)
        for name, call in vars(_review_calls).items()
        if inspect.iscoroutinefunction(call) and not name.startswith("_")
    }
    assert set(called) <= set(done_by)
    for name, hints in called.items():
        given = next(value for argument, value in hints.items() if argument != "return")
        taken = next(value for argument, value in done_by[name].items() if argument != "return")
        assert (given, hints["return"]) == (taken, done_by[name]["return"]), name


async def test_people_are_asked_about_what_the_policy_names(review):
    """Nothing is about security here, so that nobody is asked."""
    policy = DECIDES.model_copy(update={"require_approval": RequireApproval.WHEN})
    result = await (await review.start(policy)).result()
    assert result.approved is None
    assert result.fix.outcome is ApplyOutcome.COMMITTED
