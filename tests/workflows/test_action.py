import pytest

from perdure.errors import GitHubActionConclusionError


async def test_an_action_runs_to_success_and_returns_its_outputs(house):
    """Dispatch, find, follow, finish: the result has conclusion, URL, dispatch id and outputs."""
    handle = await house.start(inputs={"message": "hi"})
    result = await handle.result()
    assert result.conclusion == "success"
    assert result.outputs == {"message": "hi"}
    assert result.html_url.startswith(house.emulator.url)
    assert len(house.emulator.runs) == 1
    assert house.emulator.runs[0].id == result.actions_run_id


async def test_a_failed_run_is_an_error_that_says_where(house):
    """The error carries conclusion, URL, failed job and step, and the end of the log."""
    handle = await house.start(inputs={"fail": "true"})
    with pytest.raises(GitHubActionConclusionError) as caught:
        await handle.result()
    error = caught.value
    assert error.conclusion == "failure"
    assert error.html_url == house.emulator.runs[0].html_url
    assert error.failed_jobs[0]["step"] == "Fail where asked"
    assert "this went wrong" in error.log_tail
    assert "dispatch id: pd" in str(error)
