import json
from datetime import timedelta

import httpx2
import pytest

from perdure.errors import (
    GitHubAuthenticationError,
    GitHubPermissionError,
    GitHubRefusedError,
    InvalidInputError,
    InvalidRefError,
    WorkflowFileNotFoundError,
    WorkflowNotDispatchableError,
)
from perdure.model.dispatch import DispatchRequest
from wire.scripted import Broken, ScriptedHost, client_of, said

REQUEST = DispatchRequest(
    repository="octo-org/octo-repo", workflow_file="deploy.yml", ref="main", inputs={"dispatch_id": "pd1"}
)
STARTED = {
    "workflow_run_id": 20363538233,
    "run_url": "https://api.github.com/repos/octo-org/octo-repo/actions/runs/20363538233",
    "html_url": "https://github.com/octo-org/octo-repo/actions/runs/20363538233",
}
UNSUPPORTED = said(
    400,
    'The version you specified in the "X-GitHub-API-Version" request header, "2026-03-10", '
    "is not a supported version.",
)
FLAG_REFUSED = 'Invalid request.\n\n"return_run_details" is not a permitted key.'


async def dispatched(*replies, **options):
    host = ScriptedHost(*replies)
    async with client_of(host) as client:
        return await client.dispatch(REQUEST, **options), host


async def test_a_started_run_is_named():
    """Where GitHub returns the run's id, nothing has to be looked for."""
    answer, host = await dispatched(httpx2.Response(200, json=STARTED))

    assert (answer.kind, answer.actions_run_id) == ("started", 20363538233)
    assert answer.html_url == STARTED["html_url"]
    assert host.requests[0].headers["x-github-api-version"] == "2026-03-10"
    assert json.loads(host.requests[0].content) == {"ref": "main", "inputs": {"dispatch_id": "pd1"}}


async def test_an_older_host_is_asked_with_the_flag():
    """A host that does not know the newest version still tells the run where it knows the flag."""
    answer, host = await dispatched(UNSUPPORTED, httpx2.Response(200, json=STARTED))

    assert answer.kind == "started"
    assert json.loads(host.requests[1].content)["return_run_details"] is True
    assert host.requests[1].headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.parametrize("status", [400, 422])
async def test_the_oldest_host_gets_the_plain_request_and_the_rung_is_remembered(status):
    """The ladder is climbed down once for each host, within one call."""
    host = ScriptedHost(UNSUPPORTED, said(status, FLAG_REFUSED), httpx2.Response(204))
    async with client_of(host) as client:
        first = await client.dispatch(REQUEST)
        second = await client.dispatch(REQUEST)

    assert (first.kind, second.kind) == ("accepted", "accepted")
    assert len(host.requests) == 4
    assert "return_run_details" not in json.loads(host.requests[3].content)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(said(500, "Server Error"), id="5xx"),
        pytest.param(said(408, "Request Timeout"), id="408"),
        pytest.param(httpx2.ReadTimeout("slow"), id="read-time-out"),
        pytest.param(httpx2.WriteError("reset"), id="reset-while-writing"),
        pytest.param(httpx2.RemoteProtocolError("disconnected"), id="dropped"),
        pytest.param(httpx2.Response(200, text="<html>"), id="html"),
        pytest.param(httpx2.Response(200), id="empty"),
        pytest.param(httpx2.Response(200, json={"workflow_run_id": None}), id="without-run-id"),
        pytest.param(httpx2.Response(200, json=[1]), id="other-shape"),
        pytest.param(lambda _: httpx2.Response(200, stream=Broken(b'{"work')), id="cut-off"),
        pytest.param(httpx2.Response(202), id="other-2xx"),
        pytest.param(httpx2.Response(304), id="other-3xx"),
    ],
)
async def test_what_nobody_can_know_is_ambiguous_and_sent_once(first):
    """A lost answer never makes the client send again, on no rung of the ladder."""
    answer, host = await dispatched(first, httpx2.Response(200, json=STARTED))

    assert answer.kind == "ambiguous"
    assert answer.reason
    assert len(host.requests) == 1


async def test_a_5xx_on_a_lower_rung_is_not_climbed_past():
    """Only a refusal of the form itself leads to the next form."""
    answer, host = await dispatched(UNSUPPORTED, said(502, "return_run_details"), httpx2.Response(204))

    assert answer.kind == "ambiguous"
    assert len(host.requests) == 2


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("[Errno -2] Name or service not known"),
        httpx2.ConnectTimeout("slow"),
        httpx2.PoolTimeout("busy"),
        httpx2.ProxyError("no way"),
    ],
)
async def test_what_never_left_is_not_sent(error):
    """A failure before the request was written is certain: it may be sent again at once."""
    answer, _ = await dispatched(error)

    assert answer.kind == "not-sent"
    assert "nothing was sent" in answer.reason


async def test_a_dispatch_that_comes_too_late_is_not_sent():
    """A worker that was paused past its deadline wakes up without dispatching."""
    answer, host = await dispatched(httpx2.Response(200, json=STARTED), before_send=lambda: False)

    assert answer.kind == "not-sent"
    assert host.requests == []


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        pytest.param(said(403, "You have exceeded a secondary rate limit.", retry_after="7"), 7, id="told"),
        pytest.param(
            said(403, "You have exceeded a secondary rate limit and have been temporarily blocked."),
            60,
            id="silent",
        ),
        pytest.param(said(429, "Too many requests"), 60, id="429"),
        pytest.param(
            said(
                403,
                "API rate limit exceeded for installation ID 456.",
                date="Sun, 22 Nov 2026 04:00:00 GMT",
                x_ratelimit_limit="5000",
                x_ratelimit_remaining="0",
                x_ratelimit_reset="1795320030",
            ),
            31,
            id="primary",
        ),
    ],
)
async def test_a_limit_says_when_to_come_back(reply, seconds):
    """A limit is no failure: the same dispatch is sent later."""
    answer, _ = await dispatched(reply)

    assert answer.kind == "later"
    assert answer.retry_after == timedelta(seconds=seconds)


async def test_a_file_without_dispatch_id_is_told_apart():
    """The one refusal after which the same dispatch is sent without its id."""
    answer, _ = await dispatched(said(422, 'Unexpected inputs provided: ["dispatch_id"]'))

    assert answer.kind == "without-id"


@pytest.mark.parametrize(
    ("reply", "error_type", "told", "hint"),
    [
        (said(422, "No ref found for: nope"), InvalidRefError, "No ref found for: nope", "branch or tag"),
        (
            said(422, 'Invalid request.\n\n"ref" wasn\'t supplied.'),
            InvalidRefError,
            "supplied",
            "branch or tag",
        ),
        (
            said(422, 'Unexpected inputs provided: ["distinct_id"]'),
            InvalidInputError,
            "distinct_id",
            "on.workflow_dispatch.inputs",
        ),
        (
            said(422, 'Unexpected inputs provided: ["dispatch_id", "x"]'),
            InvalidInputError,
            "dispatch_id",
            "leave them out",
        ),
        (said(422, "Required input 'ref' not provided"), InvalidInputError, "'ref'", "-f NAME=VALUE"),
        (
            said(422, "Provided value '' for input 'debug' not in the list of allowed values"),
            InvalidInputError,
            "'debug'",
            "options",
        ),
        (
            said(422, "Workflow does not have 'workflow_dispatch' trigger"),
            WorkflowNotDispatchableError,
            "trigger",
            "workflow_dispatch:",
        ),
        (
            said(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow"),
            WorkflowNotDispatchableError,
            "disabled",
            "gh workflow enable deploy.yml --repo octo-org/octo-repo",
        ),
        (
            said(422, "Invalid request.\n\nNo more than 25 properties are allowed; 26 were supplied."),
            InvalidInputError,
            "25 properties",
            "one JSON input",
        ),
        (
            said(404, "Not Found"),
            WorkflowFileNotFoundError,
            "deploy.yml is not on the default branch",
            "push",
        ),
        (
            said(
                403,
                "Resource not accessible by integration",
                x_accepted_github_permissions="actions=write",
            ),
            GitHubPermissionError,
            "needs the permission actions: write",
            "grant the App or token actions: write",
        ),
        (said(401, "Bad credentials"), GitHubAuthenticationError, "octo-org/octo-repo", "perdure doctor"),
        (
            said(422, 'Invalid request.\n\n"target", "version" are not permitted keys.'),
            GitHubRefusedError,
            "not permitted keys",
            None,
        ),
        (httpx2.Response(307, headers={"location": "/x"}), GitHubRefusedError, "moved", "renamed"),
        (httpx2.Response(403, text="<html>"), GitHubPermissionError, "answered 403", None),
    ],
)
async def test_a_refusal_says_what_to_change(reply, error_type, told, hint):
    """GitHub's own words, the repository and what to do about it; permanent."""
    with pytest.raises(error_type) as caught:
        await dispatched(reply)

    assert type(caught.value) is error_type
    assert caught.value.permanent
    assert told in str(caught.value)
    assert "octo-org/octo-repo" in str(caught.value)
    assert hint is None or hint in (caught.value.hint or "")
