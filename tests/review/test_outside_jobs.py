"""Jobs that somebody outside does: tokens, results that come at any time, the command that brings them."""

import asyncio

import pytest
from typer.testing import CliRunner

from perdure.activities.outside_jobs import OutsideJobs
from perdure.activities.store import ContentStore
from perdure.cli import app
from perdure.errors import UsageError
from perdure.model.outside_jobs import JobWaiter

JOB = "a" * 32
WAITER = JobWaiter(namespace="default", workflow_id="w", run_id="r", activity_id="1")


@pytest.fixture
def store(tmp_path):
    return ContentStore(tmp_path)


@pytest.fixture
def jobs(tmp_path):
    return OutsideJobs(tmp_path)


def test_a_token_leads_to_its_job_and_is_nowhere_written_down(jobs, tmp_path):
    """Whoever reads the folder can finish nothing."""
    token, other = jobs.new_token(JOB), jobs.new_token(JOB)
    assert jobs.job_of(token) == jobs.job_of(other) == JOB
    assert token != other
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(token in path.read_text() or token in str(path) for path in written)


@pytest.mark.parametrize("token", ["", "unknown", "../../etc/passwd"])
def test_an_unknown_token_is_refused(jobs, token):
    """Whatever it looks like."""
    jobs.new_token(JOB)
    with pytest.raises(UsageError, match="no job has this token"):
        jobs.job_of(token)


def test_the_first_result_counts(jobs, store):
    """Repeating it is harmless, and another one changes nothing."""
    first, other = store.put(b"first"), store.put(b"other")
    assert jobs.finish(JOB, first)
    assert jobs.finish(JOB, first)
    assert not jobs.finish(JOB, other)
    assert jobs.result(JOB) == first


def test_a_result_that_is_early_is_there_for_whoever_waits(jobs, store):
    """Between the look and the wait nothing is lost."""
    assert jobs.wait(JOB, WAITER) is None
    assert jobs.waiter(JOB) == WAITER
    result = store.put(b"result")
    jobs.finish(JOB, result)
    assert jobs.wait(JOB, WAITER) == result


async def test_of_many_results_at_once_one_counts(jobs, store):
    """Everybody sees the same one."""
    results = [store.put(str(number).encode()) for number in range(20)]
    counted = await asyncio.gather(*(asyncio.to_thread(jobs.finish, JOB, result) for result in results))
    assert sum(counted) == 1
    assert jobs.result(JOB) == results[counted.index(True)]


def test_a_job_is_handed_over_once(jobs):
    """The next attempt knows."""
    assert not jobs.is_handed_over(JOB)
    jobs.mark_handed_over(JOB)
    assert jobs.is_handed_over(JOB)


class TestCommand:
    """`perdure job complete`."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PERDURE_STORE_PATH", str(tmp_path))
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
        (tmp_path / "result.jsonl").write_text("{}")

        def invoke(*arguments, **environment):
            return CliRunner().invoke(app, ["job", "complete", *arguments], env=environment)

        return invoke

    def test_a_file_that_is_missing_is_said(self, run):
        """Before anything else."""
        answer = run("token", "--result", "missing.jsonl")
        assert answer.exit_code == 2
        assert "missing.jsonl cannot be read: No such file or directory" in answer.stderr

    def test_an_unknown_token_is_said(self, run):
        """Without a look at the engine."""
        answer = run("token", "--result", "result.jsonl")
        assert answer.exit_code == 2
        assert "no job has this token" in answer.stderr
        assert "[store] path" in answer.stderr

    def test_a_result_is_kept_though_the_engine_is_out_of_reach(self, run, jobs):
        """It was paid for. The token may come from the environment."""
        token = jobs.new_token(JOB)
        answer = run("--result", "result.jsonl", PERDURE_JOB_TOKEN=token)
        assert answer.exit_code == 4
        assert "kept: the result is safe" in answer.stderr
        assert jobs.result(JOB) is not None
