"""Files, folders and what else git knows.

https://docs.github.com/en/rest/repos/contents and https://docs.github.com/en/rest/git
"""

from perdure.emulator.repositories import Commit, Entry
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_REPO = "/repos/{owner}/{repo}"
_RAW = ("application/vnd.github.raw", "application/vnd.github.v3.raw", "application/vnd.github.raw+json")


@routes.on(
    "GET",
    _REPO + "/contents/{path*}",
    permission="contents=read",
    docs="repos/contents#get-repository-content",
)
async def get_contents(call: Call) -> Answer:
    """Return a file, or what is in a folder."""
    return _contents(call, call.params["path"].strip("/"))


@routes.on(
    "GET", _REPO + "/contents", permission="contents=read", docs="repos/contents#get-repository-content"
)
async def get_root(call: Call) -> Answer:
    """Return what is in the root folder."""
    return _contents(call, "")


@routes.on(
    "GET", _REPO + "/readme", permission="contents=read", docs="repos/contents#get-a-repository-readme"
)
async def get_readme(call: Call) -> Answer:
    """Return the README."""
    return _contents(call, "README.md")


@routes.on(
    "GET",
    _REPO + "/git/matching-refs/{ref*}",
    permission="contents=read",
    docs="git/refs#list-matching-references",
)
async def list_matching_refs(call: Call) -> Answer:
    """List refs whose names begin alike."""
    wanted, repository = f"refs/{call.params['ref']}", call.repository
    refs = [(ref, sha) for ref, sha in repository.refs("refs/").items() if ref.startswith(wanted)]
    return Answer(body=[call.bodies.ref(repository, ref, sha) for ref, sha in refs])


@routes.on("GET", _REPO + "/git/ref/{ref*}", permission="contents=read", docs="git/refs#get-a-reference")
@routes.on("GET", _REPO + "/git/refs/{ref*}", permission="contents=read", docs="git/refs#get-a-reference")
async def get_ref(call: Call) -> Answer:
    """Return one ref."""
    ref, repository = f"refs/{call.params['ref']}", call.repository
    sha = repository.refs("refs/").get(ref)
    if sha is None:
        raise ApiError(404, "Not Found")
    return Answer(body=call.bodies.ref(repository, ref, sha))


@routes.on(
    "GET", _REPO + "/git/commits/{sha}", permission="contents=read", docs="git/commits#get-a-commit-object"
)
async def get_git_commit(call: Call) -> Answer:
    """Return a commit as git knows it."""
    commit = call.repository.find_commit(call.params["sha"])
    if commit is None:
        raise ApiError(404, "Not Found")
    return Answer(body=call.bodies.git_commit(call.repository, commit))


@routes.on("GET", _REPO + "/git/trees/{sha}", permission="contents=read", docs="git/trees#get-a-tree")
async def get_tree(call: Call) -> Answer:
    """Return a tree, by its own hash or by a commit."""
    repository, wanted = call.repository, call.params["sha"]
    commit = repository.find_commit(wanted)
    sha = commit.tree if commit else wanted
    try:
        kind, _ = repository.object(sha)
    except KeyError:
        kind = "missing"
    if kind != "tree":
        raise ApiError(404, "Not Found")
    return Answer(body=call.bodies.tree(repository, sha, recursive=call.query("recursive") is not None))


@routes.on("GET", _REPO + "/git/blobs/{sha}", permission="contents=read", docs="git/blobs#get-a-blob")
async def get_blob(call: Call) -> Answer:
    """Return a blob."""
    sha = call.params["sha"]
    try:
        kind, content = call.repository.object(sha)
    except KeyError:
        kind, content = "missing", b""
    if kind != "blob":
        raise ApiError(404, "Not Found")
    return Answer(body=call.bodies.blob(call.repository, sha, content))


def _contents(call: Call, path: str) -> Answer:
    repository, ref = call.repository, call.query("ref") or call.repository.default_branch
    commit = repository.find_commit(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    entry = repository.entry(commit.sha, path)
    if entry is None:
        raise ApiError(404, "Not Found")
    if entry.type == "blob":
        return _file(call, path, entry, ref)
    return _folder(call, path, entry, commit, ref)


def _file(call: Call, path: str, entry: Entry, ref: str) -> Answer:
    accepted = call.request.headers.get("accept", "")
    if any(kind in accepted for kind in _RAW):
        content = call.repository.object(entry.sha)[1]
        return Answer(content=content, media_type="application/vnd.github.raw+json; charset=utf-8")
    return Answer(body=call.bodies.file(call.repository, path, entry, ref))


def _folder(call: Call, path: str, entry: Entry, commit: Commit, ref: str) -> Answer:
    repository = call.repository
    sha = entry.sha if path else commit.tree
    prefix = f"{path}/" if path else ""
    bodies = [
        call.bodies.directory_entry(repository, f"{prefix}{inside.name}", inside, ref)
        for inside in repository.tree(sha)
    ]
    return Answer(body=bodies)
