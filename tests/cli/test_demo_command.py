import signal

from cli.local_processes import perdure, processes_of


async def test_the_demo_runs_an_action_and_a_release_and_leaves_nothing_behind(tmp_path):
    """One command, no account: conclusion, outputs and URLs of both, two approvals, the graph."""
    arguments = ("demo", "--wait-time", "1", "--message", 'He said "hello"')
    async with perdure(*arguments, cwd=tmp_path, TMPDIR=str(tmp_path), GITHUB_TOKEN="not-used") as run:
        assert await run.ends(within=60) == 0, run.output
    shown = "".join(run.stdout)
    assert "conclusion: success\n" in shown
    assert 'message: He said "hello"' in shown
    assert "/acme/wait-then-echo/actions/runs/" in shown
    assert "/namespaces/default/workflows/action%2Facme%2Fwait-then-echo%2F" in shown
    assert shown.count("conclusion: success\n") == 2
    assert "approved by alice: the notes are complete; approved by bob: tried it" in shown
    assert "  class step_test,step_publish,step_build,step_approve,step_deploy,step_smoke success\n" in shown
    assert "/namespaces/default/workflows/pipeline%2Frelease%2F" in shown
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


async def test_a_demo_that_is_interrupted_stops_everything_and_keeps_its_logs(tmp_path):
    """Ctrl-C leaves no process, and says where the logs are."""
    async with perdure("demo", "--wait-time", "60", cwd=tmp_path, TMPDIR=str(tmp_path)) as run:
        await run.says("running, waiting on GitHub", within=60)
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 130
    [folder] = tmp_path.iterdir()
    assert f"kept in {folder}" in run.output
    assert (folder / "worker.log").exists()
    assert processes_of(tmp_path) == []
