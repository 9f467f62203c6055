import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import GitHubUnavailableError
from perdure.github._logs import LogCleaner
from wire.scripted import ScriptedHost, client_of, said

REPOSITORY = "octo-org/octo-repo"
KEY = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEow", "-----END RSA PRIVATE KEY-----"]
FOUND = {"location": "https://storage.example/log.txt?sig=1"}


def cleaned(*lines):
    clean = LogCleaner()
    return [shown for line in lines if (shown := clean(line)) is not None]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("2026-11-22T04:00:00.1234567Z hello", "hello"),
        ("\ufeff2026-11-22T04:00:00.1234567Z ##[group]Run", "##[group]Run"),
        ("\x1b[31;1mred\x1b[0m and \x1b]8;;http://x\x07link\x1b]8;;\x07", "red and link"),
        ("tab\tstays\r", "tab\tstays"),
        ("token ghp_0123456789abcdefghijklmnopqrstuvwxyz!", "token ***!"),
        ("ghs_123_eyJhbGciOiJIUzI1NiJ9.eyJhcHAiOjF9.c2lnbmF0dXJl end", "*** end"),
        ("github_pat_11AAAAAAA0123456789_abc", "***"),
        ("jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJlLXg", "jwt ***"),
    ],
)
def test_lines_are_made_fit_to_be_shown(line, shown):
    """No time stamps, no terminal codes, nothing that looks like a secret."""
    assert cleaned(line) == [shown]


def test_a_private_key_is_left_out_whole():
    """A key goes over several lines; what follows is shown again."""
    assert cleaned("before", f"KEY={KEY[0]}", *KEY[1:], "after") == ["before", "KEY=***", "after"]


async def test_the_tail_of_a_log_is_read_from_where_github_keeps_it():
    """The last lines only, from an address that takes no credentials."""
    lines = "".join(f"2026-11-22T04:00:00Z line {number}\r\n" for number in range(1000))
    host = ScriptedHost(httpx2.Response(302, headers=FOUND), httpx2.Response(200, text=lines))
    async with client_of(host) as client:
        assert await client.read_log_tail(REPOSITORY, 5, lines=2) == "line 998\nline 999"
    assert "authorization" not in host.requests[1].headers


@pytest.mark.parametrize("status", [404, 410])
async def test_a_log_that_is_gone_is_empty(status):
    """Logs expire; a failure is reported without them."""
    host = ScriptedHost(said(status, "Gone"))
    async with client_of(host) as client:
        assert await client.read_log_tail(REPOSITORY, 5) == ""


async def test_a_log_that_cannot_be_read_is_an_error():
    """An outage is not an empty log."""
    async with client_of(ScriptedHost(said(502, "x"))) as client:
        with pytest.raises(GitHubUnavailableError):
            await client.read_log_tail(REPOSITORY, 5)


@given(st.lists(st.text(max_size=60), max_size=10))
def test_no_line_carries_terminal_codes(lines):
    """Whatever a job printed, a terminal that shows it obeys none of it."""
    for shown in cleaned(*lines):
        assert not any(ord(letter) < 32 and letter != "\t" for letter in shown.replace("\n", ""))
