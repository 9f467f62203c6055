import json

from perdure.cli._outcome import print_failure, print_result
from perdure.errors import ActionTimedOutError, GitHubActionConclusionError
from perdure.model.actions import ActionResult, StoredObject

URL = "https://github.com/acme/library/actions/runs/17"
RESULT = ActionResult(
    repository="acme/library",
    workflow_file="release.yml",
    status="completed",
    conclusion="success",
    html_url=URL,
    dispatch_id="pdabc",
    actions_run_id=17,
    actions_run_attempt=1,
    outputs={"tag": "v1", "files": ["a", "b"]},
)
FAILURE = GitHubActionConclusionError(
    "the run's conclusion is failure: build at step 'Test'",
    conclusion="failure",
    failed_jobs=[{"job": "build", "step": "Test", "html_url": f"{URL}/job/1"}],
    log_tail="1 passed\n\x1b[31m2 failed\x1b[0m",
    html_url=URL,
    dispatch_id="pdabc",
)


def test_a_success_is_a_short_block(capsys):
    """Conclusion, address, id and outputs: what a person or a grep wants."""
    print_result("action/x", RESULT, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "conclusion: success",
        f"url: {URL}",
        "dispatch id: pdabc",
        "outputs:",
        "  tag: v1",
        '  files: ["a", "b"]',
    ]


def test_large_outputs_are_named_by_where_they_are(capsys):
    """What is kept in the store is not printed, but can be found."""
    stored = StoredObject(sha256="0" * 64, size=34_000)
    result = RESULT.model_copy(update={"outputs": {}, "stored_outputs": stored, "attempts": 2})
    print_result("action/x", result, as_json=False)
    out = capsys.readouterr().out
    assert f"outputs: 34,000 bytes, stored as {'0' * 64}" in out
    assert "attempts: 2" in out


def test_a_failure_shows_jobs_steps_and_the_end_of_the_log(capsys):
    """What is needed to know what happened, without a terminal obeying the log."""
    print_failure("action/x", FAILURE, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "conclusion: failure",
        f"url: {URL}",
        "dispatch id: pdabc",
        "failed jobs:",
        f"  build, step 'Test'  {URL}/job/1",
        "end of the log:",
        "  1 passed",
        "  2 failed",
    ]


def test_json_is_one_object_either_way(capsys):
    """Programs find the id and either the result's fields or the error's."""
    print_result("action/x", RESULT, as_json=True)
    print_failure("action/x", FAILURE, as_json=True)
    success, failure = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (success["id"], success["conclusion"], success["outputs"]["tag"]) == ("action/x", "success", "v1")
    assert failure["error"]["type"] == "GitHubActionConclusionError"
    assert failure["error"]["failed_jobs"][0]["step"] == "Test"
    assert failure["error"]["html_url"] == URL


def test_a_failure_without_a_run_prints_nothing_as_data(capsys):
    """What is not known is not invented."""
    print_failure("action/x", ActionTimedOutError("no runner"), as_json=False)
    assert capsys.readouterr().out == ""
