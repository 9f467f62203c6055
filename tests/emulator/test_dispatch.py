"""Dispatching: the ladder of API versions, and GitHub's refusals word for word."""

import pytest

from emulator.workflow_texts import ECHO, REPOSITORY
from perdure.emulator import GitHubEmulator, commit_files
from perdure.emulator.repositories import git

PATH = f"/repos/{REPOSITORY}/actions/workflows/echo.yml/dispatches"
BODY = {"ref": "main", "inputs": {"message": "hello"}}
OLD = {"x-github-api-version": "2022-11-28"}


async def test_the_new_version_always_says_which_run_it_started(client, emulator):
    """Version 2026-03-10 answers 200 with the run's number and addresses."""
    answer = await client.post(PATH, json=BODY)

    run = emulator.runs[0].id
    assert answer.status_code == 200
    assert answer.json() == {
        "workflow_run_id": run,
        "run_url": f"http://localhost/repos/{REPOSITORY}/actions/runs/{run}",
        "html_url": f"http://localhost/{REPOSITORY}/actions/runs/{run}",
    }
    assert answer.headers["x-github-api-version-selected"] == "2026-03-10"


@pytest.mark.parametrize("headers", [OLD, {"x-github-api-version": ""}])
async def test_the_old_version_says_it_only_when_asked(client, emulator, headers):
    """Version 2022-11-28, also by default, answers 204, or 200 with the flag, and that it is deprecated."""
    plain = await client.post(PATH, json=BODY, headers=headers)
    asked = await client.post(PATH, json={**BODY, "return_run_details": True}, headers=headers)

    assert (plain.status_code, plain.content) == (204, b"")
    assert asked.json()["workflow_run_id"] == emulator.runs[1].id
    assert plain.headers["sunset"] == "Fri, 10 Mar 2028 00:00:00 GMT"


async def test_the_flag_is_not_known_where_it_was_dropped(client):
    """The new version refuses the flag of the old one."""
    answer = await client.post(PATH, json={**BODY, "return_run_details": True})

    assert answer.status_code == 422
    assert answer.json() == {
        "message": 'Invalid request.\n\n"return_run_details" is not a permitted key.',
        "documentation_url": "https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event",
        "status": "422",
    }


async def test_an_unknown_version_is_refused(client, emulator):
    """A version that the host does not have is answered 400, and nothing is dispatched."""
    answer = await client.post(PATH, json=BODY, headers={"x-github-api-version": "2030-01-01"})

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        'The version you specified in the "X-GitHub-API-Version" request header, "2030-01-01",'
        " is not a supported version."
    )
    assert emulator.runs == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": {}}, 'Invalid request.\n\n"ref" wasn\'t supplied.'),
        (
            {"target": 1, "version": 2},
            'Invalid request.\n\n"target", "version" are not permitted keys.\n"ref" wasn\'t supplied.',
        ),
        ({"ref": "nope", "inputs": {"message": "x"}}, "No ref found for: nope"),
        ({"ref": "main"}, "Required input 'message' not provided"),
        (
            {"ref": "main", "inputs": {"message": "x", "colour": "red"}},
            'Unexpected inputs provided: ["colour"]',
        ),
        (
            {"ref": "main", "inputs": {"message": "x", "level": "odd"}},
            "Provided value 'odd' for input 'level' not in the list of allowed values",
        ),
    ],
)
async def test_a_bad_dispatch_is_refused_in_githubs_words(client, emulator, body, message):
    """What GitHub refuses with 422 is refused alike, before any run exists."""
    answer = await client.post(PATH, json=body)

    assert (answer.status_code, answer.json()["message"]) == (422, message)
    assert emulator.runs == []


@pytest.mark.parametrize(
    ("file", "status", "message"),
    [
        ("push.yml", 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("missing.yml", 404, "Not Found"),
        ("broken.yml", 422, "failed to parse workflow: "),
    ],
)
async def test_a_file_that_cannot_be_dispatched_is_refused(client, file, status, message):
    """A file without the trigger, without existence or without sense starts nothing."""
    answer = await client.post(PATH.replace("echo.yml", file), json={"ref": "main"})

    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


async def test_a_commit_hash_is_no_ref(client, emulator):
    """GitHub dispatches on branches and tags, never on a hash."""
    sha = emulator.services.repositories.find("octo-org", "octo-repo").resolve("main").sha
    answer = await client.post(PATH, json={**BODY, "ref": sha})

    assert answer.json()["message"] == f"No ref found for: {sha}"


async def test_the_file_is_read_at_the_ref(client, emulator):
    """A branch and a tag each run their own version of the file, on their own commit."""
    repository = emulator.services.repositories.find("octo-org", "octo-repo")
    changed = ECHO.replace("run-name: echo", "run-name: branch")
    sha = commit_files(repository, {".github/workflows/echo.yml": changed}, branch="work/it")
    git(repository.folder, "tag", "-a", "v1", "-m", "one", sha)

    on_branch = await client.run(await client.dispatch(ref="work/it", dispatch_id="a"))
    on_tag = await client.run(await client.dispatch(ref="v1", dispatch_id="b"))
    on_main = await client.run(await client.dispatch(ref="refs/heads/main", dispatch_id="c"))

    assert [run["display_title"] for run in (on_branch, on_tag, on_main)] == [
        "branch [a]",
        "branch [b]",
        "echo [c]",
    ]
    assert [run["head_branch"] for run in (on_branch, on_tag, on_main)] == ["work/it", "v1", "main"]
    assert on_branch["head_sha"] == on_tag["head_sha"] == sha


async def test_ghes_3_19_knows_neither_version_nor_flag(root, connect):
    """The GHES profile has the prefix, one version, no flag and 10 inputs, and says what it is."""
    async with GitHubEmulator(root, profile="ghes-3.19") as emulator, connect(emulator, **OLD) as client:
        path = f"/api/v3{PATH}"
        assert (await client.get("/api/v3/meta")).json()["installed_version"].startswith("3.19.")
        assert (await client.post(PATH, json=BODY)).status_code == 404
        assert (await client.post(path, json={**BODY, "return_run_details": True})).status_code == 422
        newer = await client.post(path, json=BODY, headers={"x-github-api-version": "2026-03-10"})
        assert newer.status_code == 400
        many = {"ref": "main", "inputs": {f"i{number}": "x" for number in range(11)}}
        assert (
            "No more than 10 properties are allowed; 11 were supplied."
            in (await client.post(path, json=many)).text
        )
        assert (await client.post(path, json=BODY)).status_code == 204
        listed = (await client.get(f"/api/v3/repos/{REPOSITORY}/actions/runs")).json()["workflow_runs"][0]
        assert listed["url"].startswith("http://localhost/api/v3/repos/")
        assert listed["html_url"].startswith(f"http://localhost/{REPOSITORY}/")
