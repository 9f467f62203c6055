"""The pages that ``html_url`` opens."""

import asyncio
import shutil

import pytest

from emulator.workflow_texts import REPOSITORY

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def test_html_url_opens_steps_and_logs(client, emulator):
    """A person who follows the run's address sees its jobs and steps, and one click further the log."""
    number = await client.dispatch(message="<script>alert(1)</script>")
    await emulator.idle()
    run = await client.run(number)
    (job,) = await client.jobs(number)
    page = await client.get(run["html_url"])
    log = await client.get(job["html_url"])

    assert page.headers["content-type"].startswith("text/html")
    assert "Dispatch none" in page.text
    assert "perdure-outputs" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in log.text
    for answer in (page, log):
        assert "<script" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_page_refreshes_itself_only_while_its_run_goes_on(client, emulator):
    """A finished run's page stands still."""
    number = await client.dispatch("slow.yml")
    url = (await client.run(number))["html_url"]
    await client.in_step(number)
    during = await client.get(url)
    await client.post(f"/repos/{REPOSITORY}/actions/runs/{number}/force-cancel")
    await emulator.idle()
    after = await client.get(url)

    assert 'http-equiv="refresh"' in during.text
    assert 'http-equiv="refresh"' not in after.text


async def test_runs_are_listed_for_people_too(client, emulator):
    """The first page leads to repositories, a repository's page to its runs."""
    number = await client.dispatch(dispatch_id="d-2")
    await emulator.idle()
    html = {"accept": "text/html"}
    start = await client.get("/", headers=html)
    listed = await client.get(f"/{REPOSITORY}/actions", headers=html)

    assert f"/{REPOSITORY}/actions" in start.text
    assert f"/{REPOSITORY}/actions/runs/{number}" in listed.text
    assert "echo [d-2]" in listed.text
    assert (await client.get(f"/{REPOSITORY}/actions/runs/1", headers=html)).status_code == 404


@pytest.mark.skipif(BROWSER is None, reason="needs a browser: apt install chromium")
async def test_a_browser_shows_the_page_within_its_policy(served, served_client):
    """A real browser renders a run's page and finds nothing that the content security policy forbids."""
    number = await served_client.dispatch(message="hello", dispatch_id="d-3")
    await served.idle()
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--dump-dom"]
    url = (await served_client.run(number))["html_url"]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--enable-logging=stderr",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()

    assert "Dispatch d-3" in out.decode()
    assert "Content Security Policy" not in err.decode()
