"""Approved fixes become one commit on the approved commit, or a reason why they do not."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from perdure.activities.fix_verifying import FixVerification
from perdure.emulator import App, Installation
from perdure.model.findings import Edit, Suggestion
from perdure.model.fixed_text import fix_text, is_plain_path
from perdure.model.fixing import ApplyOutcome, VerifyFixInput
from review.posting_scenes import APP, DIGEST, finding, opened_scene, report, suggestion

REFS = "/git/refs/heads/feature"


@pytest.fixture
async def scene(tmp_path):
    async with opened_scene(tmp_path) as opened:
        yield opened


def unused(line=15, text="", **more):
    return finding(line, suggestion=suggestion(line, line, text), **more)


async def test_chosen_fixes_become_one_commit(scene):
    """It follows the approved commit, changes what was chosen and names who approved it."""
    other = finding(2, "src/cart.py", "F811", suggestion=suggestion(1, 2, "import re\n"))
    left_out = unused(20, "never\n", rule="E501")
    prepared = await scene.prepare(
        unused(), other, left_out, chosen=(unused().fingerprint, other.fingerprint)
    )
    applied = await scene.apply(prepared, approved_by=("octocat",), checked_by=("ruff 0.17.6",))

    assert (applied.outcome, applied.files) == (ApplyOutcome.COMMITTED, ("src/cart.py", "src/shop.py"))
    commit = scene.commit()
    assert (commit.sha, commit.parents) == (applied.commit_sha, (scene.head_sha,))
    assert commit.message == (
        f"Apply 2 reviewed fixes\n\nOf the review of {scene.head_sha}.\nApproved by octocat.\n"
        f"Looked at afterwards by ruff 0.17.6.\n\nPerdure-Review: {DIGEST}"
    )
    assert "import os" not in scene.file()
    assert scene.file("src/cart.py").startswith("import re\n\n\ndef")
    assert "never" not in scene.file()
    assert await scene.talk() == []


async def test_a_repeat_finds_its_commit(scene):
    """Whoever applies again, also after more was pushed on top, gets the same commit."""
    prepared = await scene.prepare(unused())
    first = await scene.apply(prepared)
    again = await scene.apply(prepared)
    scene.push({"src/cart.py": "x = 1\n"})
    later = await scene.apply(prepared)

    assert (again.outcome, later.outcome) == (ApplyOutcome.FOUND, ApplyOutcome.FOUND)
    assert first.commit_sha == again.commit_sha == later.commit_sha


@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_lost_answer_never_commits_twice(scene, after_effect):
    """Where nobody knows whether the branch has moved, the next attempt looks."""
    prepared = await scene.prepare(unused())
    scene.emulator.faults.fail_next("PATCH", REFS, status=502, after_effect=after_effect)
    with pytest.raises(ApplicationError) as lost:
        await scene.apply(prepared)
    assert not lost.value.non_retryable

    applied = await scene.apply(prepared)

    assert applied.outcome is (ApplyOutcome.FOUND if after_effect else ApplyOutcome.COMMITTED)
    assert scene.commit().parents == (scene.head_sha,)


async def test_a_push_in_between_is_never_built_upon(scene):
    """The branch stays as its author left it, and the pull request says why, once."""
    prepared = await scene.prepare(unused())
    pushed = scene.push({"src/cart.py": "x = 1\n"})
    applied = await scene.apply(prepared)
    await scene.apply(prepared)

    assert applied.outcome is ApplyOutcome.MOVED
    assert scene.commit().sha == pushed
    [said] = await scene.talk()
    assert f"The approved fixes of {prepared.head_sha[:10]} were not applied: the branch is no" in said.body


async def test_a_push_at_the_last_moment_is_refused_by_github(scene):
    """Also one that nobody could have seen before: GitHub moves the branch only forwards."""
    prepared = await scene.prepare(unused())
    refusal = json.dumps({"message": "Update is not a fast forward"})
    scene.emulator.faults.fail_next("PATCH", REFS, status=422, body=refusal)

    applied = await scene.apply(prepared)

    assert applied.outcome is ApplyOutcome.MOVED
    assert scene.commit().sha == scene.head_sha
    assert len(await scene.talk()) == 1


async def test_a_forged_commit_is_not_taken_for_the_fix(scene):
    """A commit that only says that it is the fix, and holds something else, is a push."""
    prepared = await scene.prepare(unused())
    parent = await scene.github.get_git_commit(scene.ref.repository, scene.head_sha)
    [file] = prepared.files
    forged = await scene.github.commit_files(
        scene.ref.repository,
        parent,
        {await scene.github.find_tree_file(scene.ref.repository, parent.tree_sha, file.path): b"evil\n"},
        f"Apply\n\nPerdure-Review: {DIGEST}",
    )
    await scene.github.advance_branch(scene.ref.repository, "feature", forged.sha)

    assert (await scene.apply(prepared)).outcome is ApplyOutcome.MOVED


async def test_a_fork_gets_the_commit_where_maintainers_may_push(tmp_path):
    """The commit goes to the fork's own branch."""
    async with opened_scene(tmp_path, fork=True) as scene:
        applied = await scene.apply(await scene.prepare(unused()))

        assert applied.outcome is ApplyOutcome.COMMITTED
        assert "import os" not in scene.file()


async def test_a_fork_that_lets_nobody_push_is_left_alone(tmp_path):
    """The pull request says so."""
    async with opened_scene(tmp_path, fork=True) as scene:
        [pull] = scene.emulator.services.state.pulls.values()
        pull.maintainer_can_modify = False
        applied = await scene.apply(await scene.prepare(unused()))

        assert applied.outcome is ApplyOutcome.REFUSED
        [said] = await scene.talk()
        assert "its author does not let maintainers push to it" in said.body
        assert scene.commit().sha == scene.head_sha


async def test_a_fork_where_the_app_is_not_installed_is_left_alone(tmp_path):
    """Maintainers may push, and the App may not: the pull request says so."""
    app = App(**{**vars(APP), "installations": (Installation(id=5, account="acme"),)})
    async with opened_scene(tmp_path, fork=True, apps=(app,)) as scene:
        applied = await scene.apply(await scene.prepare(unused()))

        assert applied.outcome is ApplyOutcome.REFUSED
        assert "the App is not installed there" in applied.reason
        assert len(await scene.talk()) == 1


async def test_a_missing_permission_is_said(tmp_path):
    """An App that may not write contents writes nothing, and the pull request names the permission."""
    permissions = {"contents": "read", "pull_requests": "write", "metadata": "read"}
    app = App(**{**vars(APP), "permissions": permissions})
    async with opened_scene(tmp_path, apps=(app,)) as scene:
        applied = await scene.apply(await scene.prepare(unused()))

        assert applied.outcome is ApplyOutcome.REFUSED
        assert "it needs the permission contents: write" in applied.reason
        assert scene.commit().sha == scene.head_sha


async def test_a_file_keeps_its_mode(scene):
    """What was executable stays so."""
    scene.push({"run.sh": "#!/bin/sh\necho 1\n"})
    fix = finding(2, "run.sh", suggestion=suggestion(2, 2, "echo 2\n"))
    await scene.apply(await scene.prepare(fix))

    entry = scene.emulator.services.repositories.find("acme", "shop").entry(scene.commit().sha, "run.sh")
    assert (entry.mode, scene.file("run.sh")) == ("100755", "#!/bin/sh\necho 2\n")


async def test_what_cannot_be_applied_is_said_with_its_reason(scene):
    """No such finding, no such file, no suggestion, other lines: each is skipped, the others are applied."""
    missing = finding(1, "src/gone.py", suggestion=suggestion(1, 1, ""))
    outside = finding(1, "../../etc/passwd", suggestion=suggestion(1, 1, ""))
    empty, beyond = finding(16, rule="F842"), unused(400, rule="F843")
    chosen = (*(one.fingerprint for one in (unused(), missing, outside, empty, beyond)), "0" * 32)
    prepared = await scene.prepare(unused(), missing, outside, empty, beyond, chosen=chosen)

    assert prepared.applied == (unused().fingerprint,)
    assert {one.fingerprint: one.reason for one in prepared.skipped} == {
        missing.fingerprint: "it is about no plain file of the commit",
        outside.fingerprint: "it is about no plain file of the commit",
        empty.fingerprint: "it suggests nothing",
        beyond.fingerprint: "it changes lines 400 to 400 of a file of 31",
        "0" * 32: "the review has no such finding",
    }


async def test_nothing_to_apply_is_said(scene):
    """An approval of fixes that cannot be applied ends with a reason, not with an empty commit."""
    applied = await scene.apply(await scene.prepare(finding(15)))

    assert (applied.outcome, applied.reason) == (
        ApplyOutcome.NOTHING,
        "nothing of it can be applied (it suggests nothing)",
    )
    assert scene.commit().sha == scene.head_sha
    assert len(await scene.talk()) == 1


async def test_fixes_are_looked_at_before_they_are_committed(scene):
    """What a fix breaks is found by the same reviewers; what was there before is not held against it."""
    verify = FixVerification(scene.store).verify_fix
    good = await scene.prepare(unused())
    bad = await scene.prepare(unused(15, "print(undefined_name)\n"))
    stored = scene.keep(report(scene.head_sha, unused()))

    async def look(prepared):
        asked = VerifyFixInput(prepared=prepared, report=stored, analysers=("ruff",))
        return await scene.environment.run(verify, asked)

    assert (await look(good)).ok
    refused = await look(bad)
    assert not refused.ok
    assert [(one.rule, one.path) for one in refused.new_findings] == [("F821", "src/shop.py")]
    applied = await scene.apply(bad, verified=refused)
    assert applied.outcome is ApplyOutcome.REFUSED
    [said] = await scene.talk()
    assert "the analysers find something new" in said.body
    assert scene.commit().sha == scene.head_sha


def fixes(*edits):
    return [
        finding(15, rule=f"R{number}", suggestion=Suggestion(edits=(edit,)))
        for number, edit in enumerate(edits)
    ]


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        (b"a\nb\nc\n", [Edit(start_line=2, end_line=2, replacement="B\n")], b"a\nB\nc\n"),
        (b"a\nb\nc\n", [Edit(start_line=2, end_line=3, replacement="")], b"a\n"),
        (b"a\nb\n", [Edit(start_line=2, end_line=1, replacement="new\n")], b"a\nnew\nb\n"),
        (b"a\nb", [Edit(start_line=3, end_line=2, replacement="c\n")], b"a\nb\nc\n"),
        (b"a\nb", [Edit(start_line=2, end_line=2, replacement="B")], b"a\nB"),
        (b"a\nb\n", [Edit(start_line=1, end_line=1, replacement="A")], b"A\nb\n"),
        (b"a\r\nb\r\n", [Edit(start_line=2, end_line=2, replacement="B\nC\n")], b"a\r\nB\r\nC\r\n"),
        (b"a\x0cb\nc\n", [Edit(start_line=2, end_line=2, replacement="C\n")], b"a\x0cb\nC\n"),
        (b"", [Edit(start_line=1, end_line=0, replacement="a\n")], b"a\n"),
        (
            b"a\nb\nc\n",
            [
                Edit(start_line=3, end_line=3, replacement="C\n"),
                Edit(start_line=1, end_line=1, replacement=""),
            ],
            b"b\nC\n",
        ),
    ],
)
def test_edits_replace_whole_lines(before, edits, after):
    """Lines are counted as reviewers count them, and keep the file's own line ends."""
    fixed = fix_text(before, fixes(*edits))

    assert (fixed.content, len(fixed.applied), fixed.skipped) == (after, len(edits), ())


@pytest.mark.parametrize(
    "second",
    [
        Edit(start_line=2, end_line=2, replacement="x\n"),
        Edit(start_line=1, end_line=2, replacement="x\n"),
        Edit(start_line=3, end_line=5, replacement=""),
        Edit(start_line=3, end_line=2, replacement="x\n"),
    ],
)
def test_of_two_that_touch_the_same_lines_the_first_wins(second):
    """The other is left out whole, and its reason says so; the very same edit counts for both."""
    first = Edit(start_line=2, end_line=3, replacement="B\n")
    fixed = fix_text(b"a\nb\nc\nd\ne\n", fixes(first, second))
    same = fix_text(b"a\nb\nc\nd\ne\n", fixes(first, first))

    assert fixed.content == b"a\nB\nd\ne\n"
    assert [one.reason for one in fixed.skipped] == ["it changes lines that another suggestion changes"]
    assert (same.content, len(same.applied)) == (b"a\nB\nd\ne\n", 2)


@pytest.mark.parametrize("content", [b"a\0b\n", b"\xff\xfe\n", b"a\rb\n"])
def test_what_is_no_text_is_left_alone(content):
    """A file whose lines cannot be counted is never changed."""
    fixed = fix_text(content, fixes(Edit(start_line=1, end_line=1, replacement="x\n")))

    assert (fixed.content, fixed.applied, len(fixed.skipped)) == (content, (), 1)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", ".git/config", "a/.GIT/hooks/x", "a//b", "a\\b", ""]
)
def test_paths_stay_inside_the_repository(path):
    """Neither git's own folder nor anything outside can be meant."""
    assert not is_plain_path(path)
    assert is_plain_path(".github/workflows/ci.yml")
