from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import (
    ActionsRunNotFoundError,
    GitHubAuthenticationError,
    GitHubError,
    GitHubPermissionError,
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    InvalidInputError,
)
from perdure.github._answers import Answer, error_for
from perdure.github._requests import Sending, UnansweredError, route_of
from perdure.github._runs import actions_run_of
from perdure.github._transport import repository_path
from perdure.github._wire import Wire
from perdure.model.actions import ActionsRunRef
from wire.scripted import Broken, ScriptedHost, client_of, said

REPOSITORY = "octo-org/octo-repo"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


async def read(*replies):
    host = ScriptedHost(*replies)
    async with client_of(host) as client:
        return await client.get_repository(REPOSITORY), host


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(httpx2.ConnectError("Name or service not known"), id="dns"),
        pytest.param(httpx2.ReadTimeout("slow"), id="time-out"),
        pytest.param(said(502, "Server Error"), id="5xx"),
        pytest.param(httpx2.Response(200, text="<html>Unicorn</html>"), id="html"),
        pytest.param(httpx2.Response(200), id="empty"),
        pytest.param(httpx2.Response(200, json=[1, 2]), id="other-shape"),
        pytest.param(lambda _: httpx2.Response(200, stream=Broken(b'{"full')), id="cut-off"),
        pytest.param(httpx2.Response(200, text="[" * 100_000), id="deep"),
        pytest.param(said(408, "Request Timeout"), id="408"),
        pytest.param(
            lambda _: httpx2.Response(
                200, stream=httpx2.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"}
            ),
            id="no-gzip",
        ),
    ],
)
async def test_a_read_without_a_whole_answer_is_worth_another_try(reply):
    """Time-outs, gateways' pages and broken bodies are the same to who reads: unavailable."""
    with pytest.raises(GitHubUnavailableError) as caught:
        await read(reply)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("reply", "error_type"),
    [
        (said(401, "Bad credentials"), GitHubAuthenticationError),
        (said(403, "Resource not accessible by integration"), GitHubPermissionError),
        (said(403, "Must have admin rights to Repository."), GitHubPermissionError),
        (said(403, "This installation has been suspended"), GitHubAuthenticationError),
        (said(403, "This workflow is already running"), GitHubRefusedError),
        (said(403, "API rate limit exceeded for user ID 1."), GitHubRateLimitedError),
        (said(429, ""), GitHubRateLimitedError),
        (said(403, "x", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), GitHubRateLimitedError),
        (
            said(
                403,
                "Resource not accessible by integration",
                x_ratelimit_limit="5000",
                x_ratelimit_remaining="0",
                x_ratelimit_reset="1",
            ),
            GitHubPermissionError,
        ),
        (said(410, "Gone"), GitHubRefusedError),
        (said(503, "x"), GitHubUnavailableError),
    ],
)
async def test_each_refusal_has_its_error(reply, error_type):
    """A 403 is a limit, a missing permission, a suspension or a plain no: GitHub's words tell."""
    answer = Answer("GET /x", reply.status_code, reply.headers, reply.content)

    assert type(error_for(answer)) is error_type


async def test_errors_never_show_the_token(monkeypatch):
    """Whatever fails, no message holds what was sent as authorization."""
    monkeypatch.setenv("PATH", "ghp_canary0123456789")
    for reply in (said(401, "Bad credentials"), httpx2.ReadError("x"), said(500, "x"), said(403, "x")):
        with pytest.raises(GitHubError) as caught:
            await read(reply)
        assert "canary" not in repr(caught.value) + str(caught.value.hint) + repr(caught.value.details())


async def test_what_did_not_change_is_read_from_memory():
    """A 304 stands for the answer that was kept under its token and address."""
    body = {"full_name": REPOSITORY, "default_branch": "trunk"}
    host = ScriptedHost(
        httpx2.Response(200, json=body, headers={"etag": 'W/"1"'}), httpx2.Response(304), httpx2.Response(304)
    )
    async with client_of(host) as client:
        seen = [(await client.get_repository(REPOSITORY)).default_branch for _ in range(3)]

    assert seen == ["trunk"] * 3
    assert [each.headers.get("if-none-match") for each in host.requests] == [None, 'W/"1"', 'W/"1"']


async def test_a_renamed_repository_is_followed_on_the_same_host_only():
    """Tokens stay with GitHub: a redirect to elsewhere is an error."""
    moved = {"location": "https://api.github.com/repositories/1300192"}
    found, host = await read(
        httpx2.Response(301, headers=moved), httpx2.Response(200, json={"full_name": "octo-org/new"})
    )
    assert found.repository == "octo-org/new"
    assert host.requests[1].headers["authorization"]

    host = ScriptedHost(httpx2.Response(301, headers={"location": "https://evil.example/x"}))
    async with client_of(host) as client:
        with pytest.raises(GitHubRefusedError, match="moved"):
            await client.get_repository(REPOSITORY)
    assert len(host.requests) == 1


async def test_an_answer_that_is_too_large_is_not_read_to_its_end():
    """Memory is bounded whatever the host sends."""
    wire = Wire(
        "https://api.github.com",
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=b"x" * 2_000)),
        max_body=1_000,
    )
    with pytest.raises(UnansweredError, match="larger than 1,000 bytes"):
        await wire.exchange(Sending("GET", "/x"), {})
    await wire.close()


async def test_every_page_is_read_and_the_host_is_kept():
    """Link headers lead on, by path: a host name in them is not trusted."""
    run = {"id": 1, "status": "queued", "html_url": "https://x"}
    link = '<https://evil.example/repositories/1/actions/runs?page=2>; rel="next", <https://x>; rel="last"'
    host = ScriptedHost(
        httpx2.Response(200, json={"workflow_runs": [run]}, headers={"link": link}),
        httpx2.Response(200, json={"workflow_runs": [{**run, "id": 2}]}),
    )
    async with client_of(host) as client:
        found = await client.list_actions_runs(REPOSITORY, since=datetime(2026, 11, 22, tzinfo=UTC))

    assert [each.actions_run_id for each in found] == [1, 2]
    assert str(host.requests[1].url) == "https://api.github.com/repositories/1/actions/runs?page=2"
    assert dict(host.requests[0].url.params) == {
        "event": "workflow_dispatch",
        "per_page": "100",
        "created": ">=2026-11-22T00:00:00Z",
        "exclude_pull_requests": "true",
    }


async def test_requests_and_quotas_are_counted():
    """Metrics and the doctor see routes without names, and the quota as it was told last."""
    limits = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "1000", "x-ratelimit-reset": "9999999999"}
    host = ScriptedHost(httpx2.Response(200, json={"default_branch": "main"}, headers=limits))
    async with client_of(host) as client:
        assert client.quota_left(REPOSITORY) == 1.0
        await client.get_repository(REPOSITORY)

        assert client.requests_sent == {("GET", "/repos/{repository}"): 1}
        assert client.quota_left(REPOSITORY) == 0.2
        assert client.rate_limits["token"].remaining == 1000


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/repos/o/r/actions/runs/20363538233/jobs", "/repos/{repository}/actions/runs/{id}/jobs"),
        (
            "/api/v3/repos/o/r/actions/workflows/a.yml/runs",
            "/api/v3/repos/{repository}/actions/workflows/{workflow}/runs",
        ),
        ("/repos/o/r/git/ref/heads/feature/1", "/repos/{repository}/git/ref/heads/{name}"),
        ("/repos/o/r/contents/.github/workflows/a.yml", "/repos/{repository}/contents/{name}"),
    ],
)
def test_routes_are_few(path, route):
    """Names and numbers would make as many metrics as there are runs."""
    assert route_of(path) == route


@pytest.mark.parametrize("name", ["", "o", "o/r/x", "o/..", "../x", "o/r?x", "o/r\n", "https://x/o/r"])
def test_only_names_become_part_of_an_address(name):
    """A repository's name comes from outside."""
    with pytest.raises(InvalidInputError):
        repository_path(name)


async def test_a_deleted_run_is_told_apart_from_an_invisible_repository():
    """A 404 of a run whose repository is there means that the run is gone."""
    host = ScriptedHost(said(404, "Not Found"), httpx2.Response(200, json={"default_branch": "main"}))
    async with client_of(host) as client:
        with pytest.raises(ActionsRunNotFoundError, match="run 7 does not exist"):
            await client.get_actions_run(ActionsRunRef(repository=REPOSITORY, actions_run_id=7))


@given(JSON)
def test_no_answer_breaks_the_reading_of_runs(body):
    """Every JSON object is a run or an error of ours."""
    described = body if isinstance(body, dict) else {"id": 1, "status": body, "html_url": body}
    try:
        actions_run_of(REPOSITORY, described)
    except GitHubUnavailableError:
        return


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "date"]),
        st.text("0123456789 :-aZ", max_size=8),
    ),
    st.binary(max_size=40),
)
def test_no_answer_breaks_the_telling_of_errors(status, headers, body):
    """Whatever a host answers, the error is one of ours and limits are finite."""
    error = error_for(Answer("GET /x", status, httpx2.Headers(headers), body))

    assert isinstance(error, GitHubError)
    if isinstance(error, GitHubRateLimitedError):
        assert 0 <= error.retry_after_seconds < 10_000_000
