"""Issues that are opened once, whatever becomes of the answers."""

import httpx2
import pytest

from perdure.errors import GitHubPermissionError
from wire.scripted import ScriptedHost, client_of, said

MARK = "<!-- perdure fleet fleet/a/b -->"


async def test_an_issue_is_opened_where_there_is_none():
    """Its text holds the mark by which the next attempt finds it."""
    host = ScriptedHost(
        httpx2.Response(200, json=[{"body": "another", "html_url": "https://example.test/1"}]),
        httpx2.Response(201, json={"html_url": "https://example.test/2"}),
    )
    async with client_of(host) as client:
        url = await client.open_issue_once("acme/ops", "Bad", f"{MARK}\ntext", mark=MARK)
    assert url == "https://example.test/2"
    assert [request.method for request in host.requests] == ["GET", "POST"]


async def test_an_issue_that_is_there_is_found_and_not_opened_again():
    """A lost answer leads to no second issue."""
    host = ScriptedHost(
        httpx2.Response(200, json=[{"body": f"{MARK}\nx", "html_url": "https://example.test/2"}])
    )
    async with client_of(host) as client:
        url = await client.open_issue_once("acme/ops", "Bad", f"{MARK}\ntext", mark=MARK)
    assert url == "https://example.test/2"
    assert [request.method for request in host.requests] == ["GET"]


async def test_a_permission_that_is_lacking_is_said():
    """Nobody has to guess why no issue was opened."""
    host = ScriptedHost(httpx2.Response(200, json=[]), said(403, "Resource not accessible by integration"))
    async with client_of(host) as client:
        with pytest.raises(GitHubPermissionError):
            await client.open_issue_once("acme/ops", "Bad", MARK, mark=MARK)
