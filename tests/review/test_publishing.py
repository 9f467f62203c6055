"""A review at GitHub: whole, once for each commit, and never twice the same."""

import json
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from perdure.activities.publishing import PublishingActivities
from perdure.config import GitHubSettings
from perdure.model.findings import Severity
from perdure.model.posting import PublishOutcome, PublishPolicy
from perdure.model.review import FileOutcome, FileState, Verdict
from review.posting_scenes import DIGEST, ME, REPOSITORY, finding, opened_scene, suggestion

REVIEWS = "/pulls/1/reviews"
PARTIAL = {
    "verdict": Verdict.PARTIAL,
    "files": (
        FileOutcome(path="src/shop.py", state=FileState.REVIEWED),
        FileOutcome(path="src/cart.py", state=FileState.FAILED, reason="the model gave no answer"),
    ),
}


@pytest.fixture
async def scene(tmp_path):
    async with opened_scene(tmp_path) as opened:
        yield opened


async def test_a_review_comments_on_lines_and_sets_a_check_run(scene):
    """Each finding stands on its line, the summary counts, and the check run says the verdict."""
    published = await scene.publish(finding(15), finding(2, "src/cart.py", "F811", severity=Severity.ERROR))

    assert (published.outcome, published.comments, published.summarised) == (PublishOutcome.POSTED, 2, 0)
    [review] = await scene.reviews()
    assert (review.review_id, review.author, review.commit_id) == (published.review_id, ME, scene.head_sha)
    assert review.body.startswith(f"**1 error, 1 warning** in 2 reviewed files at {scene.head_sha[:10]}.")
    comments = {one.path: one.body for one in await scene.comments()}
    assert comments["src/shop.py"].startswith("**warning** `ruff F401`: `F401` is unused")
    [check] = scene.check_runs
    assert (check.name, check.conclusion, check.title) == ("perdure review", "failure", "1 error, 1 warning")
    assert "<!--" not in check.summary


async def test_a_repeated_publication_posts_nothing(scene):
    """A second attempt finds the review, counts the same, and changes the one check run."""
    first = await scene.publish(finding(15))
    again = await scene.publish(finding(15))

    assert again.outcome is PublishOutcome.FOUND
    assert (again.review_id, again.comments, again.carried) == (first.review_id, 1, 0)
    assert (len(await scene.reviews()), len(await scene.comments()), len(scene.check_runs)) == (1, 1, 1)


@pytest.mark.parametrize("fault", [{"status": 502}, {"kind": "drop"}, {"kind": "html", "status": 200}])
async def test_a_lost_answer_never_posts_twice(scene, fault):
    """Where GitHub made the review and nobody heard of it, it is found and adopted."""
    scene.emulator.faults.fail_next("POST", REVIEWS, after_effect=True, **fault)

    published = await scene.publish(finding(15))

    assert published.outcome is PublishOutcome.FOUND
    assert (len(await scene.reviews()), len(await scene.comments())) == (1, 1)


async def test_a_post_that_did_nothing_is_tried_again_by_the_next_attempt(scene):
    """One POST for each attempt; where nothing shows, the attempt fails and the next one posts."""
    scene.emulator.faults.fail_next("POST", REVIEWS, status=502)

    with pytest.raises(ApplicationError) as failed:
        await scene.publish(finding(15))
    assert (failed.value.type, failed.value.non_retryable) == ("GitHubUnavailableError", False)
    assert await scene.reviews() == []

    assert (await scene.publish(finding(15))).outcome is PublishOutcome.POSTED
    assert len(await scene.reviews()) == 1


async def test_a_worker_that_was_stopped_posts_nothing_when_it_wakes(scene):
    """What was not there a while ago may be there now: the attempt fails, and the next one looks again."""
    late = PublishingActivities(scene.github, scene.store, send_within=timedelta(seconds=-1))
    scene.publishing, awake = late, scene.publishing

    with pytest.raises(ApplicationError, match="too late to send it") as failed:
        await scene.publish(finding(15))
    assert not failed.value.non_retryable
    assert await scene.reviews() == []

    scene.publishing = awake
    assert (await scene.publish(finding(15))).outcome is PublishOutcome.POSTED


async def test_a_push_gets_only_what_is_new(scene):
    """What was said and remains is not said again; what is gone is said once, in the summary."""
    stays, goes, new = finding(15), finding(16, rule="F841"), finding(1, "src/cart.py", "E501")
    await scene.publish(stays, goes)
    scene.push({"src/cart.py": "import json\n\n"})
    second = await scene.publish(
        stays.model_copy(update={"start_line": 17, "end_line": 17}), new, digest="e" * 32
    )

    assert (second.comments, second.carried, second.fixed) == (1, 1, 1)
    _, review = await scene.reviews()
    assert "1 finding said before is still there" in review.body
    assert "**Fixed since it was said**\n\n- `F841` in `src/shop.py`" in review.body
    assert len(await scene.comments()) == 3

    scene.push({"src/cart.py": "import json\n\n\n"})
    third = await scene.publish(stays, new, digest="f" * 32)
    assert (third.outcome, third.carried, third.fixed) == (PublishOutcome.NOTHING_NEW, 2, 0)
    assert len(await scene.reviews()) == 2
    assert [check.head_sha for check in scene.check_runs][-1] == scene.head_sha


async def test_what_comes_back_is_said_again(scene):
    """A finding that was said to be fixed and is there once more gets a new comment."""
    await scene.publish(finding(15))
    scene.push({"src/cart.py": "x = 1\n"})
    await scene.publish(digest="e" * 32)
    scene.push({"src/cart.py": "x = 2\n"})
    third = await scene.publish(finding(15), digest="f" * 32)

    assert (third.comments, third.carried) == (1, 0)


async def test_nothing_is_called_fixed_that_nobody_looked_for(scene):
    """A finding in a file that was not reviewed this time stays open."""
    await scene.publish(finding(1, "src/cart.py"), finding(15))
    scene.push({"src/cart.py": "import json\n"})
    second = await scene.publish(digest="e" * 32, changes=PARTIAL)

    assert second.fixed == 1
    [_, review] = await scene.reviews()
    assert "`F401` in `src/shop.py`" in review.body
    assert "src/cart.py` failed: the model gave no answer" in review.body


async def test_a_partial_review_is_never_green(scene):
    """Without findings its check run is neutral, and the summary names what nobody looked at."""
    published = await scene.publish(changes=PARTIAL)

    assert published.conclusion == "neutral"
    assert scene.check_runs[0].title == "Nothing found; 1 file not reviewed"
    assert "**Not reviewed**" in (await scene.reviews())[0].body


async def test_a_clean_change_gets_a_check_run_alone(scene):
    """Where there is nothing to say nothing is posted."""
    published = await scene.publish()

    assert (published.outcome, published.conclusion) == (PublishOutcome.NOTHING_NEW, "success")
    assert await scene.reviews() == []
    assert scene.check_runs[0].conclusion == "success"


async def test_a_note_is_posted_also_where_nothing_was_found(scene):
    """People who have to decide are told how, whatever the review says."""
    published = await scene.publish(note="Waits for a decision.")

    assert (published.outcome, published.conclusion) == (PublishOutcome.POSTED, "success")
    assert "Waits for a decision." in (await scene.reviews())[0].body


async def test_a_pull_request_from_a_fork_is_reviewed_where_it_was_opened(tmp_path):
    """Review and check run are at the base repository, on the fork's commit."""
    async with opened_scene(tmp_path, fork=True) as scene:
        published = await scene.publish(finding(15))

        assert (published.outcome, published.comments) == (PublishOutcome.POSTED, 1)
        assert [(one.repository, one.head_sha) for one in scene.check_runs] == [(REPOSITORY, scene.head_sha)]


@pytest.mark.parametrize(
    ("severity", "policy", "conclusion"),
    [
        (Severity.NOTE, {}, "success"),
        (Severity.WARNING, {}, "failure"),
        (Severity.WARNING, {"fail_on": Severity.ERROR}, "success"),
        (Severity.ERROR, {"fail_on": Severity.ERROR, "conclusion": "action_required"}, "action_required"),
        (Severity.NOTE, {"fail_on": Severity.NOTE, "conclusion": "neutral"}, "neutral"),
    ],
)
async def test_the_policy_says_what_fails(scene, severity, policy, conclusion):
    """Findings below the threshold pass; those that reach it end as the policy says."""
    published = await scene.publish(finding(15, severity=severity), policy=PublishPolicy(**policy))

    assert published.conclusion == conclusion
    assert scene.check_runs[0].conclusion == conclusion


async def test_findings_beyond_the_limit_are_listed(scene):
    """The gravest get the comments; the others stand in the summary, and count as said."""
    findings = [finding(15, rule=f"N{number}", severity=Severity.NOTE) for number in range(5)]
    grave = finding(16, rule="S602", severity=Severity.ERROR)
    published = await scene.publish(*findings, grave, policy=PublishPolicy(max_comments=2))

    assert (published.comments, published.summarised) == (2, 4)
    assert "S602" in (await scene.comments())[0].body
    assert "- **note** `src/shop.py:15` `ruff N4`" in (await scene.reviews())[0].body
    scene.push({"src/cart.py": "x = 1\n"})
    assert (await scene.publish(*findings, grave, digest="e" * 32)).carried == 6


async def test_a_finding_beside_the_diff_is_said_as_near_as_possible(scene):
    """Without its line in the diff it goes to the nearest of the file; without its file to the summary."""
    published = await scene.publish(finding(1), finding(3, "src/other.py"))

    assert (published.comments, published.summarised) == (1, 1)
    [comment] = await scene.comments()
    assert "This is about line 1, which the diff does not show." in comment.body
    assert "`src/other.py:3`" in (await scene.reviews())[0].body


async def test_a_review_that_github_refuses_for_a_line_is_posted_without_comments(scene):
    """GitHub's own view of the diff decides: all findings go to the summary then."""
    refusal = json.dumps({"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]})
    scene.emulator.faults.fail_next("POST", REVIEWS, status=422, body=refusal)

    published = await scene.publish(finding(15))

    assert (published.outcome, published.comments, published.summarised) == (PublishOutcome.POSTED, 0, 1)
    assert len(await scene.reviews()) == 1


async def test_another_review_of_the_same_commit_replaces_the_text(scene):
    """One review for each commit: comments stay, what is new is listed in its summary."""
    first = await scene.publish(finding(15))
    second = await scene.publish(finding(15), finding(16, rule="S602"), digest="e" * 32)

    assert (second.outcome, second.review_id) == (PublishOutcome.UPDATED, first.review_id)
    [review] = await scene.reviews()
    assert "`ruff S602`" in review.body
    assert "1 finding said before is still there" in review.body
    assert len(await scene.comments()) == 1
    again = await scene.publish(finding(15), finding(16, rule="S602"), digest="e" * 32)
    assert again.outcome is PublishOutcome.FOUND


async def test_a_review_of_a_head_that_has_moved_on_is_not_posted(scene):
    """It would be about code that is no longer there."""
    reviewed = scene.head_sha
    now = scene.push({"src/cart.py": "x = 1\n"})
    scene.head_sha = reviewed
    published = await scene.publish(finding(15))

    assert (published.outcome, published.head_sha) == (PublishOutcome.STALE, now)
    assert (await scene.reviews(), scene.check_runs) == ([], [])


async def test_what_others_write_is_never_taken_for_perdures(scene):
    """Somebody who copies the hidden marks hides no finding by it."""
    await scene.publish(finding(15))
    [review], [comment] = await scene.reviews(), await scene.comments()
    state = scene.emulator.services.state
    for record in (state.reviews[review.review_id], state.review_comments[comment.comment_id]):
        record.author = "octocat"

    published = await scene.publish(finding(15))

    assert (published.outcome, published.comments) == (PublishOutcome.POSTED, 1)


async def test_hostile_text_is_shown_and_does_nothing(scene):
    """No mention, link, image, reference or mark goes out, however it is written."""
    hostile = (
        "ping @everyone and @acme/team ![x](http://evil.example/p.png) <img src=x> [here](https://evil.example)"
        " www.evil.example fixes #12 and GH-7 <!-- perdure:finding " + "a" * 32 + " X --> a@evil.example"
    )
    await scene.publish(finding(15, message=hostile), finding(3, "src/@me.py", message=hostile))

    [comment], [review] = await scene.comments(), await scene.reviews()
    for text in (comment.body.rpartition("<!--")[0], review.body.rpartition("<!--")[0]):
        # Names stand in code spans, in which GitHub reads nothing.
        said = text.replace("`src/@me.py:3`", "")
        for live in (
            "@everyone",
            "@acme",
            "http://",
            "https://",
            "www.e",
            "![",
            "](",
            "<",
            "#12",
            "GH-7",
            "a@e",
        ):
            assert live not in said


async def test_secrets_are_withheld(scene):
    """Neither a message nor a suggestion carries what looks like a key."""
    key = "ghp_" + "a1B2" * 9
    leaky = finding(
        15, message=f"the token {key} is in the code", suggestion=suggestion(15, 15, f"k = '{key}'\n")
    )
    published = await scene.publish(leaky)

    [comment] = await scene.comments()
    assert key not in comment.body
    assert "suggestion" not in comment.body
    assert published.withheld == 2


async def test_a_suggestion_can_be_committed_from_its_comment(scene):
    """Where it replaces the very lines of the comment GitHub offers it, fenced against its own text."""
    await scene.publish(finding(15, suggestion=suggestion(15, 15, "x = '```'\n")))

    [comment] = await scene.comments()
    assert "````suggestion\nx = '```'\n````" in comment.body


async def test_a_plain_token_sets_a_commit_status(tmp_path, monkeypatch):
    """Check runs are for Apps; a token's verdict is a commit status, which is never green by half."""
    monkeypatch.setenv("PERSON", "person")
    settings = GitHubSettings(url="http://localhost", token="env:PERSON")
    async with opened_scene(tmp_path, settings=settings) as scene:
        published = await scene.publish(changes=PARTIAL)
        [status] = scene.emulator.services.state.statuses.values()

    assert (published.conclusion, published.check_run_id) == ("neutral", None)
    assert (status.state, status.context) == ("error", "perdure review")


async def test_a_rejection_is_said_once(scene):
    """The reason stands on the pull request once, whatever was lost, and as plain text."""
    scene.emulator.faults.fail_next("POST", "/issues/1/comments", status=502, after_effect=True)
    first = await scene.reject("not now, @octocat", decided_by=("octocat",))
    again = await scene.reject("not now, @octocat", decided_by=("octocat",))

    assert again.comment_id == first.comment_id
    [said] = await scene.talk()
    assert f"The fixes of the review of {scene.head_sha[:10]} were rejected by octocat: not now" in said.body
    assert "@octocat" not in said.body
    assert DIGEST in said.body


async def test_a_closed_pull_request_gets_nothing(scene):
    """Its review is stale."""
    [pull] = scene.emulator.services.state.pulls.values()
    scene.emulator.services.pulls.set_state(pull, "closed", "octocat")

    assert (await scene.publish(finding(15))).outcome is PublishOutcome.STALE


async def test_a_pull_request_that_is_not_there_is_a_permanent_error(scene):
    """Reading one says so, with what to check."""
    ref = scene.ref.model_copy(update={"pull_number": 9})
    with pytest.raises(ApplicationError, match=f"{REPOSITORY}#9: there is no such pull request") as failed:
        await scene.environment.run(scene.publishing.read_pull_request, ref)

    assert (failed.value.type, failed.value.non_retryable) == ("InvalidRepositoryError", True)


async def test_reading_tells_what_a_review_needs(scene):
    """Author, branches and commits are known, and whether it is from a fork."""
    facts = await scene.environment.run(scene.publishing.read_pull_request, scene.ref)

    assert (facts.author, facts.author_id, facts.head_sha) == ("octocat", 583231, scene.head_sha)
    assert (facts.head_ref, facts.base_ref, facts.is_from_fork) == ("feature", "main", False)
