"""Writing git's own objects: blobs, trees, commits, and the refs that lead to them.

https://docs.github.com/en/rest/git
"""

import base64
import binascii
import re
import subprocess
from collections.abc import Mapping
from datetime import datetime

from perdure.emulator.diffs import is_ancestor
from perdure.emulator.repositories import Repository, git
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_GIT = "/repos/{owner}/{repo}/git"
_WRITE = "contents=write"
_MODES = ("100644", "100755", "120000", "040000", "160000")
_SHA = re.compile(r"[0-9a-f]{40}")


@routes.on("POST", _GIT + "/blobs", permission=_WRITE, docs="git/blobs#create-a-blob")
async def create_blob(call: Call) -> Answer:
    """Keep a file's content."""
    body = await call.json()
    text = str(body.get("content", ""))
    try:
        content = base64.b64decode(text) if body.get("encoding") == "base64" else text.encode()
    except binascii.Error:
        raise ApiError(422, "content is not valid Base64") from None
    sha = _hash(call.repository, content)
    url = f"{call.links.api}/repos/{call.repository.full_name}/git/blobs/{sha}"
    return Answer(status=201, body={"sha": sha, "url": url})


@routes.on("POST", _GIT + "/trees", permission=_WRITE, docs="git/trees#create-a-tree")
async def create_tree(call: Call) -> Answer:
    """Make a tree out of another one and what differs."""
    body, repository = await call.json(), call.repository
    entries = body.get("tree")
    if not isinstance(entries, list):
        raise ApiError(422, 'Invalid request.\n\n"tree" wasn\'t supplied.')
    lines, base = [], body.get("base_tree")
    if base is not None:
        found = repository.find_commit(str(base))
        sha = found.tree if found else str(base)
        _expect(repository, sha, "tree", "base_tree is not a valid tree oid")
        lines = [line for line in _list_tree(repository, sha) if _path(line) not in _paths(entries)]
    lines += [line for entry in entries if (line := _entry(repository, entry)) is not None]
    sha = _write_tree(repository, lines)
    return Answer(status=201, body=call.bodies.tree(repository, sha, recursive=False))


@routes.on("POST", _GIT + "/commits", permission=_WRITE, docs="git/commits#create-a-commit")
async def create_commit(call: Call) -> Answer:
    """Make a commit, which no branch leads to yet."""
    body, repository = await call.json(), call.repository
    missing = [f'"{key}" wasn\'t supplied.' for key in ("message", "tree") if not body.get(key)]
    if missing:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(missing))
    tree, parents = str(body["tree"]), body.get("parents") or []
    if not isinstance(parents, list):
        raise ApiError(422, "Invalid request.\n\nFor 'properties/parents', it is not an array.")
    _expect(repository, tree, "tree", "Tree SHA does not exist")
    for parent in parents:
        _expect(repository, str(parent), "commit", "Parent SHA does not exist or is not a commit object")
    author = _person(call, body.get("author"))
    committer = _person(call, body.get("committer") or body.get("author"))
    head = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    text = "\n".join([*head, f"author {author}", f"committer {committer}", "", str(body["message"]), ""])
    sha = git(repository.folder, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())
    commit = repository.commit(sha.decode().strip())
    return Answer(status=201, body=call.bodies.git_commit(repository, commit))


@routes.on("POST", _GIT + "/refs", permission=_WRITE, docs="git/refs#create-a-reference")
async def create_ref(call: Call) -> Answer:
    """Make a branch or tag."""
    body, repository = await call.json(), call.repository
    ref, sha = str(body.get("ref", "")), str(body.get("sha", ""))
    if not ref.startswith("refs/") or ref.count("/") < 2:
        raise ApiError(422, "Reference name must start with 'refs/' and have at least two slashes")
    if ref in repository.refs("refs/"):
        raise ApiError(422, "Reference already exists")
    _expect(repository, sha, None, "Object does not exist")
    _update_ref(repository, ref, sha, "0" * 40)
    return Answer(status=201, body=call.bodies.ref(repository, ref, sha))


@routes.on("PATCH", _GIT + "/refs/{ref*}", permission=_WRITE, docs="git/refs#update-a-reference")
async def update_ref(call: Call) -> Answer:
    """Move a branch: only forwards, unless it is forced."""
    body, repository = await call.json(), call.repository
    ref, sha = f"refs/{call.params['ref']}", str(body.get("sha", ""))
    before = repository.refs("refs/").get(ref)
    if before is None:
        raise ApiError(422, "Reference does not exist")
    _expect(repository, sha, None, "Object does not exist")
    if not body.get("force") and not is_ancestor(repository.folder, before, sha):
        raise ApiError(422, "Update is not a fast forward")
    _update_ref(repository, ref, sha, before)
    call.services.pulls.look(repository.full_name, sender=call.actor)
    return Answer(body=call.bodies.ref(repository, ref, sha))


@routes.on("DELETE", _GIT + "/refs/{ref*}", permission=_WRITE, docs="git/refs#delete-a-reference")
async def delete_ref(call: Call) -> Answer:
    """Delete a branch or tag."""
    ref, repository = f"refs/{call.params['ref']}", call.repository
    if ref not in repository.refs("refs/"):
        raise ApiError(422, "Reference does not exist")
    git(repository.folder, "update-ref", "-d", ref)
    call.services.pulls.look(repository.full_name, sender=call.actor)
    return Answer(status=204)


def _update_ref(repository: Repository, ref: str, sha: str, before: str) -> None:
    try:
        # With the old value git refuses where somebody else has moved it in between.
        git(repository.folder, "update-ref", ref, sha, before)
    except subprocess.CalledProcessError:
        raise ApiError(422, "Reference cannot be updated") from None


def _entry(repository: Repository, entry: object) -> str | None:
    """Return mode, hash, tab and path; None takes the path out."""
    if not isinstance(entry, dict) or entry.get("mode") not in _MODES or not _is_path(entry.get("path")):
        raise ApiError(422, "tree.path or tree.mode is malformed")
    if "content" in entry:
        sha = _hash(repository, str(entry["content"]).encode())
    elif entry.get("sha") is None:
        return None
    else:
        sha = str(entry["sha"])
        if entry["mode"] != "160000":
            _expect(repository, sha, None, f"tree.sha {sha} is not a valid {entry.get('type')}")
    return f"{entry['mode']} {sha}\t{entry['path']}"


def _write_tree(repository: Repository, lines: list[str]) -> str:
    """Write nested trees; lines of whole folders stand as they are."""
    folders: dict[str, list[str]] = {}
    found = []
    for line in lines:
        head, path = line.split("\t", 1)
        folder, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(folder, []).append(f"{head}\t{rest}")
        else:
            found.append(f"{head.split(' ')[0]} {_kind(head)} {head.split(' ')[1]}\t{path}")
    found += [f"040000 tree {_write_tree(repository, inside)}\t{name}" for name, inside in folders.items()]
    text = "".join(f"{line}\0" for line in found).encode(errors="surrogateescape")
    return git(repository.folder, "mktree", "-z", "--missing", stdin=text).decode().strip()


def _kind(head: str) -> str:
    return {"040000": "tree", "160000": "commit"}.get(head.split(" ")[0], "blob")


def _list_tree(repository: Repository, sha: str) -> list[str]:
    listed = git(repository.folder, "ls-tree", "-r", "-z", sha).decode(errors="surrogateescape")
    lines = [line for line in listed.split("\0") if line]
    return [f"{line.split(' ')[0]} {line.split(' ')[2]}" for line in lines]


def _paths(entries: list[object]) -> set[str]:
    return {str(entry.get("path")) for entry in entries if isinstance(entry, dict)}


def _path(line: str) -> str:
    return line.split("\t", 1)[1]


def _is_path(path: object) -> bool:
    return isinstance(path, str) and all(part not in ("", ".", "..", ".git") for part in path.split("/"))


def _hash(repository: Repository, content: bytes) -> str:
    return git(repository.folder, "hash-object", "-w", "--stdin", stdin=content).decode().strip()


def _expect(repository: Repository, sha: str, kind: str | None, complaint: str) -> None:
    try:
        found = repository.object(sha)[0] if _SHA.fullmatch(sha) else None
    except KeyError:
        found = None
    if found is None or kind not in (None, found):
        raise ApiError(422, complaint)


def _person(call: Call, wanted: object) -> str:
    said: Mapping[str, object] = wanted if isinstance(wanted, dict) else {}
    name = str(said.get("name") or call.actor)
    email = str(said.get("email") or f"{call.actor}@users.noreply.github.localhost")
    at = datetime.fromisoformat(str(said["date"])) if said.get("date") else call.services.state.now()
    return f"{name} <{email}> {int(at.timestamp())} +0000"
