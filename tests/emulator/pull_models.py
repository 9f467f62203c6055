"""Every endpoint about pull requests, through the client that is generated from GitHub's description."""

from emulator.pull_scenes import BRANCH, branch_off
from emulator.workflow_texts import REPOSITORY

OWNER, NAME = REPOSITORY.split("/")


async def use_pulls(person, root, parsed):
    """Open a pull request, review it, talk about it and commit to it."""
    head = branch_off(root)
    pulls = person.rest.pulls
    made = pulls.async_create(OWNER, NAME, title="Tidy", head=BRANCH, base="main")
    number = (await parsed(made, 201)).number
    await parsed(pulls.async_list(OWNER, NAME))
    compared = await parsed(person.rest.repos.async_compare_commits(OWNER, NAME, f"main...{BRANCH}"))
    assert (compared.status, compared.ahead_by, compared.merge_base_commit.sha) == (
        "ahead",
        1,
        compared.base_commit.sha,
    )
    await parsed(pulls.async_update(OWNER, NAME, number, title="Tidy up"))
    assert len(await parsed(pulls.async_list_files(OWNER, NAME, number))) == 3
    assert len(await parsed(pulls.async_list_commits(OWNER, NAME, number))) == 1
    await _review(pulls, number, head, parsed)
    await _talk(person.rest.issues, number, parsed)
    await _commit(person.rest.git, head, parsed)
    found = await parsed(pulls.async_get(OWNER, NAME, number))
    assert (found.title, found.comments, found.review_comments) == ("Tidy up", 0, 1)


async def _review(pulls, number, head, parsed):
    note = {"path": "src/app.py", "line": 3, "side": "RIGHT", "body": "Why?"}
    made = await parsed(
        pulls.async_create_review(OWNER, NAME, number, event="COMMENT", body="Said", comments=[note])
    )
    await parsed(pulls.async_list_reviews(OWNER, NAME, number))
    await parsed(pulls.async_get_review(OWNER, NAME, number, made.id))
    await parsed(pulls.async_update_review(OWNER, NAME, number, made.id, body="Better said"))
    pending = await parsed(pulls.async_create_review(OWNER, NAME, number))
    await parsed(pulls.async_submit_review(OWNER, NAME, number, pending.id, event="COMMENT", body="At last"))
    assert len(await parsed(pulls.async_list_comments_for_review(OWNER, NAME, number, made.id))) == 1
    of_file = pulls.async_create_review_comment(
        OWNER, NAME, number, body="All of it", commit_id=head, path="src/app.py", subject_type="file"
    )
    comment = await parsed(of_file, 201)
    assert len(await parsed(pulls.async_list_review_comments(OWNER, NAME, number))) == 2
    await parsed(pulls.async_get_review_comment(OWNER, NAME, comment.id))
    await parsed(pulls.async_update_review_comment(OWNER, NAME, comment.id, body="Nearly all"))
    await parsed(pulls.async_delete_review_comment(OWNER, NAME, comment.id), 204)


async def _talk(issues, number, parsed):
    made = await parsed(issues.async_create_comment(OWNER, NAME, number, body="Hello"), 201)
    assert len(await parsed(issues.async_list_comments(OWNER, NAME, number))) == 1
    await parsed(issues.async_get_comment(OWNER, NAME, made.id))
    await parsed(issues.async_update_comment(OWNER, NAME, made.id, body="Hello again"))
    await parsed(issues.async_delete_comment(OWNER, NAME, made.id), 204)


async def _commit(git, head, parsed):
    blob = await parsed(git.async_create_blob(OWNER, NAME, content="x = 2\n", encoding="utf-8"), 201)
    base = (await parsed(git.async_get_commit(OWNER, NAME, head))).tree.sha
    entry = {"path": "src/new.py", "mode": "100644", "type": "blob", "sha": blob.sha}
    tree = await parsed(git.async_create_tree(OWNER, NAME, base_tree=base, tree=[entry]), 201)
    made = git.async_create_commit(OWNER, NAME, message="Fix", tree=tree.sha, parents=[head])
    sha = (await parsed(made, 201)).sha
    await parsed(git.async_update_ref(OWNER, NAME, f"heads/{BRANCH}", sha=sha))
    await parsed(git.async_create_ref(OWNER, NAME, ref="refs/heads/spare", sha=sha), 201)
    await parsed(git.async_delete_ref(OWNER, NAME, "heads/spare"), 204)
