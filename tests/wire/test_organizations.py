"""An organisation's repositories, a page at a time, for an App and for a plain token."""

import httpx2
import pytest

from perdure.config import GitHubSettings
from perdure.emulator import EmulatorSettings, GitHubEmulator, create_repository
from perdure.errors import RepositoryNotFoundError
from perdure.github import open_github_client
from wire.scripted import ScriptedHost, client_of
from wire.workflow_files import FILES


async def test_an_app_lists_what_it_is_installed_for(root, client):
    """The token for it reaches every repository of the installation, and may read names alone."""
    create_repository(root, "octo-org/third", FILES)
    found, following = await client.list_repositories("octo-org")
    assert sorted(one.repository for one in found) == [
        "octo-org/octo-repo",
        "octo-org/other",
        "octo-org/third",
    ]
    assert following is None


async def test_a_token_lists_what_it_sees(root, monkeypatch):
    """A plain token asks for the organisation itself."""
    monkeypatch.setenv("A_TOKEN", "any")
    settings = GitHubSettings(url="http://localhost", token="env:A_TOKEN")
    async with GitHubEmulator(root, EmulatorSettings()) as emulator:
        transport = httpx2.ASGITransport(app=emulator.app)
        async with open_github_client(settings, transport=transport) as client:
            found, _ = await client.list_repositories("octo-org")
    assert {one.repository for one in found} == {"octo-org/octo-repo", "octo-org/other"}


async def test_an_organisation_that_nobody_knows_is_a_permanent_error(client):
    """A fleet over a misspelled name fails at once instead of waiting for ever."""
    with pytest.raises(RepositoryNotFoundError, match="'nobody'"):
        await client.list_repositories("nobody")


async def test_a_full_page_has_one_after_it_and_a_user_is_asked_for_in_turn():
    """What is no organisation may be a user; the next page is asked for by its number."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/orgs/"):
            return httpx2.Response(404, json={"message": "Not Found"})
        count = 100 if request.url.params["page"] == "1" else 1
        names = [{"full_name": f"me/{number}", "fork": number == 0} for number in range(count)]
        return httpx2.Response(200, json=names)

    host = ScriptedHost(answer)
    async with client_of(host) as client:
        first, following = await client.list_repositories("me")
        last, after = await client.list_repositories("me", page=following)
    assert (len(first), following, len(last), after) == (100, 2, 1, None)
    assert first[0].fork
    assert not first[1].fork
    assert host.requests[-1].url.params["sort"] == "created"
