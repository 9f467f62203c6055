"""Pull requests over real branches: what GitHub shows, what it refuses, and what a push does."""

import base64
import json

import pytest

from emulator.pull_scenes import BRANCH, CHANGED, PULLS, branch_off, open_pull, push
from emulator.waiting import until
from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator, User, Webhook, create_repository

GIT = f"/repos/{REPOSITORY}/git"
ISSUE = f"/repos/{REPOSITORY}/issues/1/comments"
REVIEWS = f"{PULLS}/1/reviews"


@pytest.fixture
def head(root):
    return branch_off(root)


@pytest.fixture
async def pull(client, head):
    return await open_pull(client)


def line(number, body="Hm.", path="src/app.py", **more):
    return {"path": path, "line": number, "side": "RIGHT", "body": body, **more}


async def review(client, *comments, **more):
    return await client.post(REVIEWS, json={"event": "COMMENT", "body": "Said", "comments": comments, **more})


async def test_a_pull_request_shows_what_its_branch_changes(client, head, pull):
    """Head, base, counts, files with patches, commits and the diff come from git."""
    assert (pull["number"], pull["state"], pull["mergeable"], pull["changed_files"]) == (1, "open", True, 3)
    assert (pull["head"]["sha"], pull["head"]["ref"], pull["base"]["ref"]) == (head, BRANCH, "main")

    files = {file["filename"]: file for file in (await client.get(f"{PULLS}/1/files")).json()}
    app = files["src/app.py"]
    assert (app["status"], app["additions"], app["deletions"]) == ("modified", 2, 1)
    assert app["patch"].startswith("@@ -1,6 +1,7 @@\n import os\n import sys\n+import json\n")
    assert files["src/new.py"]["status"] == "added"
    commits = (await client.get(f"{PULLS}/1/commits")).json()
    assert [one["commit"]["message"] for one in commits] == ["Tidy up"]
    diff = await client.get(f"{PULLS}/1", headers={"accept": "application/vnd.github.diff"})
    assert diff.text.startswith("diff --git a/README.md b/README.md\n")
    assert diff.headers["content-type"].startswith("application/vnd.github.diff")


async def test_branches_that_parted_are_compared(client, root, head):
    """The commit where they parted, how many each has more, and the files from there."""
    parted = (await client.get(f"{GIT}/commits/{head}")).json()["parents"][0]["sha"]
    push(root, {"other.txt": "x"}, branch="main")

    found = (await client.get(f"/repos/{REPOSITORY}/compare/main...{BRANCH}")).json()
    missing = await client.get(f"/repos/{REPOSITORY}/compare/main...nowhere")

    assert found["merge_base_commit"]["sha"] == parted
    assert (found["status"], found["ahead_by"], found["behind_by"]) == ("diverged", 1, 1)
    assert [file["filename"] for file in found["files"]] == ["README.md", "src/app.py", "src/new.py"]
    assert missing.status_code == 404


async def test_renamed_removed_and_binary_files_are_told_apart(client, root, head):
    """A rename names both paths; a binary file has no patch; what is gone is removed."""
    parent = push(root, {"data.bin": "a\0b"}, branch="odd")
    base = (await client.get(f"{GIT}/trees/{parent}", params={"recursive": "1"})).json()
    blobs = {entry["path"]: entry["sha"] for entry in base["tree"]}
    entry = {"mode": "100644", "type": "blob"}
    entries = [
        {**entry, "path": "src/app.py", "sha": None},
        {**entry, "path": "src/main.py", "sha": blobs["src/app.py"]},
        {**entry, "path": "README.md", "sha": None},
    ]
    tree = await client.post(f"{GIT}/trees", json={"base_tree": parent, "tree": entries})
    wanted = {"message": "Rename", "tree": tree.json()["sha"], "parents": [parent]}
    made = (await client.post(f"{GIT}/commits", json=wanted)).json()
    await client.patch(f"{GIT}/refs/heads/odd", json={"sha": made["sha"]})
    await open_pull(client, head="odd")

    files = {file["filename"]: file for file in (await client.get(f"{PULLS}/1/files")).json()}

    assert {path: file["status"] for path, file in files.items()} == {
        "README.md": "removed",
        "data.bin": "added",
        "src/main.py": "renamed",
    }
    assert "patch" not in files["data.bin"]
    assert files["src/main.py"]["previous_filename"] == "src/app.py"


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"head": "nowhere"}, {"field": "head", "code": "invalid"}),
        ({"base": "nowhere"}, {"field": "base", "code": "invalid"}),
        ({"head": "main"}, {"message": "No commits between main and main"}),
        ({"title": ""}, {"field": "title", "code": "missing_field"}),
    ],
)
async def test_what_cannot_be_a_pull_request_is_refused(client, head, wanted, complaint):
    """Unknown branches, no difference and no title are answered 422, with GitHub's reasons."""
    answer = await client.post(PULLS, json={"title": "t", "head": BRANCH, "base": "main", **wanted})

    assert answer.status_code == 422
    assert answer.json()["errors"][0].items() >= complaint.items()


async def test_a_branch_has_one_open_pull_request_to_a_base(client, pull):
    """A second one is refused until the first is closed."""
    wanted = {"title": "t", "head": BRANCH, "base": "main"}
    refused = await client.post(PULLS, json=wanted)
    await client.patch(f"{PULLS}/1", json={"state": "closed"})
    again = await client.post(PULLS, json=wanted)

    assert refused.json()["errors"][0]["message"] == "A pull request already exists for octo-org:tidy."
    assert (refused.status_code, again.status_code, again.json()["number"]) == (422, 201, 2)
    assert [one["number"] for one in (await client.get(PULLS)).json()] == [2]
    assert [one["number"] for one in (await client.get(PULLS, params={"state": "all"})).json()] == [2, 1]


async def test_a_review_is_made_with_all_its_comments(client, pull, head):
    """Comments lie on lines of the diff, with the hunk up to there; a range is in one hunk."""
    made = await review(client, line(3), line(7, start_line=3), line(1, path="src/new.py"))
    assert made.status_code == 200, made.text

    listed = (await client.get(REVIEWS)).json()
    assert [(one["state"], one["commit_id"], one["body"]) for one in listed] == [("COMMENTED", head, "Said")]
    comments = (await client.get(f"{PULLS}/1/comments")).json()
    assert [(one["path"], one["start_line"], one["line"]) for one in comments] == [
        ("src/app.py", None, 3),
        ("src/app.py", 3, 7),
        ("src/new.py", None, 1),
    ]
    assert comments[0]["diff_hunk"] == "@@ -1,6 +1,7 @@\n import os\n import sys\n+import json"
    of_review = await client.get(f"{REVIEWS}/{made.json()['id']}/comments")
    assert [one["id"] for one in of_review.json()] == [one["id"] for one in comments]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (line(40), "Line could not be resolved"),
        (line(1, path="src/missing.py"), "Path could not be resolved"),
        (line(3, start_line=40), "Start line could not be resolved"),
        (line(3, body="x" * 65_537), "is too long"),
    ],
)
async def test_one_comment_beside_the_diff_refuses_the_whole_review(client, pull, wrong, reason):
    """Nothing of a review is kept where one comment does not fit."""
    answer = await review(client, line(3), wrong)

    assert answer.status_code == 422
    assert reason in answer.json()["errors"][0]
    assert (await client.get(REVIEWS)).json() == []
    assert (await client.get(f"{PULLS}/1/comments")).json() == []


async def test_reviews_follow_githubs_rules(client, pull):
    """No approval of one's own, no empty comment, one pending review at a time, known commits only."""
    own = await client.post(REVIEWS, json={"event": "APPROVE"})
    empty = await client.post(REVIEWS, json={"event": "COMMENT"})
    unknown = await review(client, commit_id="0" * 40)
    assert own.json()["errors"] == ["Can not approve your own pull request"]
    assert {own.status_code, empty.status_code, unknown.status_code} == {422}

    pending = await client.post(REVIEWS, json={"comments": [line(3)]})
    second = await client.post(REVIEWS, json={})
    assert pending.json()["state"] == "PENDING"
    assert "submitted_at" not in pending.json()
    assert "only have one pending review" in second.json()["errors"][0]
    assert (await client.get(f"{PULLS}/1/comments")).json() == []
    number = pending.json()["id"]
    submitted = await client.post(f"{REVIEWS}/{number}/events", json={"event": "COMMENT"})
    assert submitted.json()["state"] == "COMMENTED"
    changed = await client.put(f"{REVIEWS}/{number}", json={"body": "Better said"})
    assert changed.json()["body"] == "Better said"
    assert len((await client.get(f"{PULLS}/1/comments")).json()) == 1


async def test_a_comment_whose_line_has_changed_is_outdated(client, root, pull):
    """After a push that changes its file it has no line any more, but its original one."""
    await review(client, line(3), line(1, path="src/new.py"))
    push(root, {"src/app.py": CHANGED.replace("json", "re")})

    comments = (await client.get(f"{PULLS}/1/comments")).json()

    assert [(one["line"], one["original_line"]) for one in comments] == [(None, 3), (1, 1)]


async def test_the_talk_about_a_pull_request_can_be_changed(client, pull):
    """Comments on the whole are added, listed, changed and deleted; empty ones are refused."""
    made = (await client.post(ISSUE, json={"body": "Hello"})).json()
    url = f"/repos/{REPOSITORY}/issues/comments/{made['id']}"
    await client.patch(url, json={"body": "Hello again"})

    assert [one["body"] for one in (await client.get(ISSUE)).json()] == ["Hello again"]
    assert (await client.post(ISSUE, json={"body": ""})).status_code == 422
    assert (await client.get(f"{PULLS}/1")).json()["comments"] == 1
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(ISSUE)).json() == []


async def commit(client, parent, text="x = 2\n", *, path="src/new.py", mode="100644"):
    """Make a commit through git's own objects and return its hash."""
    blob = await client.post(
        f"{GIT}/blobs", json={"content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
    )
    base = (await client.get(f"{GIT}/commits/{parent}")).json()["tree"]["sha"]
    entry = {"path": path, "mode": mode, "type": "blob", "sha": blob.json()["sha"]}
    tree = await client.post(f"{GIT}/trees", json={"base_tree": base, "tree": [entry]})
    assert tree.status_code == 201, tree.text
    made = await client.post(
        f"{GIT}/commits", json={"message": "Fix", "tree": tree.json()["sha"], "parents": [parent]}
    )
    assert made.status_code == 201, made.text
    return made.json()["sha"]


async def test_a_commit_is_made_of_gits_own_objects(client, root, pull, head):
    """Blob, tree, commit and ref: the pull request follows, and the other files stay as they were."""
    sha = await commit(client, head)
    moved = await client.patch(f"{GIT}/refs/heads/{BRANCH}", json={"sha": sha, "force": False})
    assert moved.status_code == 200, moved.text

    assert (await client.get(f"{PULLS}/1")).json()["head"]["sha"] == sha
    files = {file["filename"]: file for file in (await client.get(f"{PULLS}/1/files")).json()}
    assert files["src/new.py"]["patch"] == "@@ -0,0 +1 @@\n+x = 2"
    assert files["src/app.py"]["additions"] == 2


async def test_a_branch_moves_only_forwards(client, root, pull, head):
    """A commit beside the branch's head is refused unless it is forced; unknown objects always are."""
    beside = await commit(client, head)
    push(root, {"src/new.py": "x = 3\n"})
    ref = f"{GIT}/refs/heads/{BRANCH}"

    refused = await client.patch(ref, json={"sha": beside})
    unknown = await client.patch(ref, json={"sha": "0" * 40})
    forced = await client.patch(ref, json={"sha": beside, "force": True})

    assert refused.json()["message"] == "Update is not a fast forward"
    assert unknown.json()["message"] == "Object does not exist"
    assert (refused.status_code, unknown.status_code, forced.status_code) == (422, 422, 200)


async def test_a_fork_is_fetched_into_the_pull_request(client, root, head):
    """A head in another repository is shown as any other, and knows whether maintainers may push."""
    create_repository(root, "guest/octo-repo", {"README.md": "# Octo\n"})
    push(root, {"README.md": "# Octo\n\nGuest.\n"}, branch="mine", repository="guest/octo-repo")

    pull = await open_pull(client, head="guest:mine")

    assert pull["head"]["repo"]["full_name"] == "guest/octo-repo"
    assert (pull["head"]["label"], pull["maintainer_can_modify"]) == ("guest:mine", True)


async def test_a_push_is_told_to_the_webhook(root, connect, head):
    """Opened, synchronize with both commits, and closed go out, also for a push that nobody announced."""
    # A port that nobody listens on: deliveries fail, and are recorded.
    webhook = Webhook(url="http://127.0.0.1:9/hook", secret="s")
    async with GitHubEmulator(root, webhook=webhook) as emulator, connect(emulator) as client:
        await open_pull(client)
        after = push(root, {"src/new.py": "x = 5\n"})
        deliveries = emulator.services.state.deliveries
        await until(lambda: len(deliveries) == 2)
        await client.patch(f"{PULLS}/1", json={"state": "closed"})
        await emulator.idle()

    events = [json.loads(one.payload) for one in deliveries.values()]
    assert [(one.event, one.action) for one in deliveries.values()] == [
        ("pull_request", "opened"),
        ("pull_request", "synchronize"),
        ("pull_request", "closed"),
    ]
    assert (events[1]["before"], events[1]["after"]) == (head, after)
    assert events[2]["pull_request"]["state"] == "closed"


async def test_all_of_it_outlives_a_restart(root, connect, head):
    """Pull requests, reviews and comments are there again; a push in between is noticed."""
    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        await open_pull(client)
        await review(client, line(3))
        await client.post(ISSUE, json={"body": "Hello"})
    after = push(root, {"src/new.py": "x = 5\n"})
    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        assert (await client.get(f"{PULLS}/1")).json()["head"]["sha"] == after
        assert len((await client.get(REVIEWS)).json()) == 1
        assert len((await client.get(f"{PULLS}/1/comments")).json()) == 1
        assert len((await client.get(ISSUE)).json()) == 1


async def test_who_may_only_read_posts_nothing(root, connect, head):
    """Reviews, comments and commits need the right to write; reading does not."""
    guest = User(login="guest", id=7, role="read")
    async with (
        GitHubEmulator(root, users=(guest,), tokens={"t": "guest"}) as emulator,
        connect(emulator, authorization="Bearer t") as client,
    ):
        refused = await client.post(PULLS, json={"title": "t", "head": BRANCH, "base": "main"})
        blob = await client.post(f"{GIT}/blobs", json={"content": "x"})
        read = await client.get(PULLS)

    assert (refused.status_code, blob.status_code, read.status_code) == (403, 403, 200)


async def test_html_url_opens_the_pull_request(client, pull):
    """A person who follows it sees the diff, the checks, and what was said, all of it as text."""
    block = "```suggestion\nx = 1\n```\n\n<!-- hidden -->"
    hostile = f"<script>alert(1)</script> **bold** `code` \\*plain\\*\n\n{block}"
    await review(client, line(3, hostile), body=hostile)
    await client.post(ISSUE, json={"body": hostile})
    status = {"state": "failure", "context": "perdure review", "description": "1 error"}
    await client.post(f"/repos/{REPOSITORY}/statuses/{pull['head']['sha']}", json=status)

    page = await client.get(pull["html_url"])
    listed = await client.get(f"/{REPOSITORY}", headers={"accept": "text/html"})

    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt; <b>bold</b> <code>code</code> *plain*") == 3
    assert page.text.count("<pre>x = 1\n</pre>") == 3
    assert "<script" not in page.text
    assert "hidden" not in page.text
    assert "+import json" in page.text
    assert "1 error" in page.text
    assert f'href="/{REPOSITORY}/pull/1">Tidy</a>' in listed.text
