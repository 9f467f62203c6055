import re
import unicodedata
from urllib.parse import urlsplit

import pytest

from docs.pages import PAGES, ROOT, name_of, prose_of

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_URL = re.compile(r"https?://\w[^\s<>()`\"',]*")
_FOLDER = re.compile(r"(?<![\w.:/~<>}*-])/([A-Za-z_][\w.-]*)(?=/[\w.])")
# Where everybody's machine and an API have something; any other folder would be one machine's own.
_FOLDERS_ANYWHERE = {"_emulator", "api", "app", "installation", "orgs", "repos", "tmp", "usr", "webhooks"}
_HOSTS = {
    *("github.com", "api.github.com", "docs.github.com"),
    *("temporal.io", "docs.temporal.io", "cloud.temporal.io"),
    *("127.0.0.1", "localhost", "HOST"),
    *("hooks.slack.com", "gpu-1", "pre-commit.com"),
    *("toml.io", "cel.dev", "keepachangelog.com", "semver.org", "git-scm.com", "datatracker.ietf.org"),
}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """Every link to another page or heading of the project has its target."""
    for target in _LINK.findall(prose_of(page)):
        parts = urlsplit(target)
        if parts.scheme:
            continue
        other = (page.parent / parts.path).resolve() if parts.path else page
        assert other.is_relative_to(ROOT), target
        assert other.exists(), target
        if parts.fragment:
            assert parts.fragment in anchors(other), target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "LICENSE"], ids=name_of)
def test_no_page_knows_the_machine_it_was_written_on(page):
    """Pages name public hosts and no folders of somebody's machine."""
    text = page.read_text(encoding="utf-8")
    hosts = {urlsplit(url).hostname or "" for url in _URL.findall(text)}
    known = {host.lower() for host in _HOSTS}
    assert {host for host in hosts if host not in known and not host.endswith("example.com")} == set()
    assert set(_FOLDER.findall(_URL.sub("", text))) - _FOLDERS_ANYWHERE == set()


def test_every_page_is_reached_from_the_readme():
    """Whoever starts at the README finds everything by links."""
    reached, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for target in _LINK.findall(prose_of(page)):
            if not urlsplit(target).scheme:
                open_pages += pages_at((page.parent / urlsplit(target).path).resolve())
    assert [name_of(page) for page in PAGES if page not in reached and page.name != "README.md"] == []


def test_the_readme_is_short_and_starts_with_something_to_type():
    """It has at most 120 lines, and a command before line 25."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert any(line.startswith("$ ") for line in lines[:24])


def pages_at(target):
    """Return a page, or those in a folder, which is what GitHub shows of it."""
    return sorted(target.glob("*.md")) if target.is_dir() else [target] if target.is_file() else []


def anchors(page):
    """Return the fragments of a page's headings, made as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {
        "".join(
            letter
            for letter in title.lower().replace(" ", "-")
            if letter in "-_" or unicodedata.category(letter)[0] in "LN"
        )
        for title in titles
    }
