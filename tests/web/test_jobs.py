"""Results of jobs that somebody outside has done, as they come to the gateway."""

import httpx2
import pytest

from approvals.deciding import new_key
from perdure.activities.outside_jobs import OutsideJobs
from perdure.config import Settings, StoreSettings
from perdure.model.outside_jobs import JobWaiter
from perdure.web import People, create_app
from perdure.web.guard import MAX_BODY
from perdure.web.jobs import MAX_RESULT

JOB = "a" * 32


@pytest.fixture
async def bring(temporal_client, tmp_path):
    """Bring a result with a token."""
    people = People("http://127.0.0.1:1")
    settings = Settings(store=StoreSettings(path=tmp_path / "store"))
    app = create_app(temporal_client, people, new_key(), settings=settings)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8400"
    ) as http:

        async def bring(content, token, **headers):
            given = {"Authorization": f"Bearer {token}"} if token else {}
            return await http.post("/api/jobs/result", content=content, headers={**given, **headers})

        yield bring
    await people.close()


@pytest.fixture
def jobs(tmp_path):
    return OutsideJobs(tmp_path / "store")


async def test_an_early_result_is_kept_a_repeated_one_harmless_another_ignored(bring, jobs):
    """The first result counts, whenever it comes and however often, and it may be large."""
    token = jobs.new_token(JOB)
    result = b"x" * (2 * MAX_BODY)
    answers = [await bring(content, token) for content in (result, result, b"another")]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert [answer.json()["delivery"] for answer in answers] == ["kept", "kept", "ignored"]
    assert jobs.result(JOB).size == len(result)


async def test_a_late_result_is_kept(bring, jobs):
    """Whoever waited has ended long ago: that is no error of the one who brings it."""
    token = jobs.new_token(JOB)
    jobs.wait(JOB, JobWaiter(namespace="default", workflow_id="gone", run_id="", activity_id="1"))
    answer = await bring(b"late", token)
    assert (answer.status_code, answer.json()["delivery"]) == (202, "kept")


@pytest.mark.parametrize(("token", "status"), [("", 401), ("unknown", 404), ("../../x", 404)])
async def test_without_a_token_of_a_job_nothing_is_kept(bring, jobs, tmp_path, token, status):
    """The token is all that is needed, and it is needed."""
    jobs.new_token(JOB)
    answer = await bring(b"result", token)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert jobs.result(JOB) is None


async def test_a_result_that_is_too_large_is_refused(bring, jobs):
    """It is refused by what it says of itself, before it is read."""
    answer = await bring(b"", jobs.new_token(JOB), **{"Content-Length": str(MAX_RESULT + 1)})
    assert answer.status_code == 413
