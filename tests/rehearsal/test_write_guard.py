"""What may leave the process in a rehearsal."""

import httpx2
import pytest

from perdure.config import GitHubSettings
from perdure.errors import WriteGuardError
from perdure.github import open_github_client
from perdure.github.write_guard import WriteGuard
from perdure.model.dispatch import DispatchRequest

OWN = "acme/mirror-library"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/repos/acme/library/actions/workflows/release.yml/dispatches"),
        ("PATCH", "/repos/acme/library/git/refs/heads/main"),
        ("DELETE", "/repos/acme/library"),
        ("PUT", "/repos/acme/library/contents/README.md"),
        ("POST", "/repos/acme/mirror-library-2/releases"),
        ("POST", "/repos/acme/mirror-library/../library/releases"),
        ("POST", "/repos/acme/mirror-library/%2e%2e/library/releases"),
        ("POST", "/repos/acme/mirror-library//releases"),
        ("POST", "/repos/acme%2Flibrary/mirror-library/releases"),
        ("POST", "/orgs/acme/repos"),
        ("POST", "/user/repos"),
        ("POST", "/graphql"),
        ("post", "/repos/acme/library/releases"),
        ("DELETE", "/installation/token"),
    ],
)
async def test_what_would_change_anything_else_is_refused(method, path):
    """Whatever it is and however it is written: only the named repositories may be changed."""
    guard = WriteGuard([OWN])
    with pytest.raises(WriteGuardError):
        await guard(httpx2.Request(method, f"https://api.github.com{path}"))
    assert len(guard.refused) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/repos/acme/library/contents/README.md"),
        ("HEAD", "/repos/acme/library"),
        ("POST", "/repos/acme/mirror-library/actions/workflows/release.yml/dispatches"),
        ("POST", "/repos/Acme/Mirror-Library/releases"),
        ("POST", "/api/v3/repos/acme/mirror-library/releases"),
        ("DELETE", "/repos/acme/mirror-library"),
        ("POST", "/app/installations/42/access_tokens"),
    ],
)
async def test_reads_and_what_changes_its_own_go_through(method, path):
    """Names of repositories are compared as GitHub does: without regard to case."""
    guard = WriteGuard([OWN])
    await guard(httpx2.Request(method, f"https://api.github.com{path}"))
    assert guard.refused == []


async def test_a_refused_request_never_leaves_the_client(monkeypatch):
    """The error is permanent, and the transport is not even asked."""
    monkeypatch.setenv("ANY_TOKEN", "any")
    sent = []

    def answer(request):
        sent.append(request.method)
        return httpx2.Response(204)

    settings = GitHubSettings(token="env:ANY_TOKEN")
    transport = httpx2.MockTransport(answer)
    async with open_github_client(settings, transport=transport, guard=WriteGuard([OWN])) as github:
        request = DispatchRequest(repository="acme/library", workflow_file="release.yml", ref="main")
        with pytest.raises(WriteGuardError) as refused:
            await github.dispatch(request)
        assert refused.value.permanent
        assert sent == []
        await github.dispatch(request.model_copy(update={"repository": OWN}))
        assert sent == ["POST"]
