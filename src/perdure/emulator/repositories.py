"""The git repositories below the root folder, read without a process per request.

A dispatch must cost a few milliseconds, and starting git costs as much alone. Refs and loose objects are
plain files, so they are read here; only packed objects and rare look-ups ask git, and objects, which never
change, are kept. https://git-scm.com/docs/gitrepository-layout
"""

import os
import re
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from perdure.emulator.identifiers import number_for

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_SHA = re.compile(r"[0-9a-f]{40}")
_PERSON = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<seconds>\d+) [+-]\d{4}")
_KEPT_OBJECTS = 4096
# Git run here must not depend on the account it runs under, nor refuse a folder that belongs to someone else.
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Octo Cat",
    "GIT_AUTHOR_EMAIL": "octocat@example.com",
    "GIT_COMMITTER_NAME": "Octo Cat",
    "GIT_COMMITTER_EMAIL": "octocat@example.com",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class ResolvedRef:
    """A branch or tag and the commit it points to."""

    ref: str
    sha: str

    @property
    def name(self) -> str:
        """The name without ``refs/heads/`` or ``refs/tags/``."""
        return self.ref.split("/", 2)[2]


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True)
class Commit:
    """A commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class Entry:
    """One entry of a tree."""

    mode: str
    name: str
    sha: str

    @property
    def type(self) -> str:
        """``tree``, ``blob`` or ``commit`` (a submodule)."""
        return {"40000": "tree", "160000": "commit"}.get(self.mode, "blob")


class Repository:
    """One git repository, bare or with a work tree."""

    def __init__(self, full_name: str, folder: Path) -> None:
        self.full_name = full_name
        self.folder = folder
        self.id = number_for("repository", full_name)
        self.git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
        self._objects: dict[str, tuple[str, bytes]] = {}

    @property
    def owner(self) -> str:
        """The account it belongs to."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """The name without its owner."""
        return self.full_name.split("/")[1]

    @property
    def default_branch(self) -> str:
        """The branch that HEAD names."""
        head = (self.git_dir / "HEAD").read_text().strip()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else "main"

    def refs(self, prefix: str) -> dict[str, str]:
        """Return full ref names below ``prefix`` (such as ``refs/heads/``) and the objects they point to."""
        found = {ref: sha for ref, sha in self._packed_refs() if ref.startswith(prefix)}
        below = self.git_dir / prefix
        for folder, _, files in os.walk(below):
            for file in files:
                path = Path(folder) / file
                sha = _read_sha(path)
                if sha:
                    found[str(path.relative_to(self.git_dir))] = sha
        return dict(sorted(found.items()))

    def resolve(self, name: str) -> ResolvedRef | None:
        """Find a branch or tag by its short or full name; a commit's hash is neither."""
        names = [name] if name.startswith("refs/") else [f"refs/heads/{name}", f"refs/tags/{name}"]
        for ref in names:
            sha = self._read_ref(ref)
            if sha:
                return ResolvedRef(ref, self.peel(sha))
        return None

    def find_commit(self, name: str) -> Commit | None:
        """Find a commit by branch, tag, hash or the beginning of one."""
        resolved = self.resolve(name)
        if resolved:
            return self.commit(resolved.sha)
        if not re.fullmatch(r"[0-9a-f]{7,40}", name):
            return None
        sha = (
            name
            if _SHA.fullmatch(name)
            else self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        )
        try:
            return self.commit(str(sha).strip())
        except KeyError:
            return None

    def peel(self, sha: str) -> str:
        """Return the commit that an annotated tag stands for; a commit is itself."""
        kind, body = self.object(sha)
        while kind == "tag":
            sha = body.split(b"\n", 1)[0].split(b" ")[1].decode()
            kind, body = self.object(sha)
        return sha

    def commit(self, sha: str) -> Commit:
        """Read a commit.

        Raises:
            KeyError: There is none of this hash.
        """
        kind, body = self.object(sha)
        if kind != "commit":
            raise KeyError(sha)
        head, _, message = body.decode(errors="replace").partition("\n\n")
        lines = [line.partition(" ")[::2] for line in head.splitlines()]
        fields = dict(lines)
        return Commit(
            sha=sha,
            tree=fields["tree"],
            parents=tuple(value for key, value in lines if key == "parent"),
            author=_signature(fields["author"]),
            committer=_signature(fields["committer"]),
            message=message.rstrip("\n"),
        )

    def entry(self, commit_sha: str, path: str) -> Entry | None:
        """Find what lies at ``path`` in a commit; the empty path is its whole tree."""
        found = Entry("40000", "", self.commit(commit_sha).tree)
        for part in filter(None, path.split("/")):
            if found.type != "tree":
                return None
            inside = {entry.name: entry for entry in self.tree(found.sha)}
            if part not in inside:
                return None
            found = inside[part]
        return found

    def tree(self, sha: str) -> list[Entry]:
        """Read a tree, sorted by name."""
        _, body = self.object(sha)
        entries, at = [], 0
        while at < len(body):
            space, zero = body.index(b" ", at), body.index(b"\0", at)
            name = body[space + 1 : zero].decode(errors="replace")
            entries.append(Entry(body[at:space].decode(), name, body[zero + 1 : zero + 21].hex()))
            at = zero + 21
        return sorted(entries, key=lambda entry: entry.name)

    def read(self, commit_sha: str, path: str) -> bytes | None:
        """Return a file's content in a commit, or None."""
        entry = self.entry(commit_sha, path)
        if entry is None or entry.type != "blob":
            return None
        return self.object(entry.sha)[1]

    def history(self, sha: str, count: int, skip: int = 0) -> list[str]:
        """Return hashes of commits, newest first."""
        return str(self._git("log", f"--max-count={count}", f"--skip={skip}", "--format=%H", sha)).split()

    def object(self, sha: str) -> tuple[str, bytes]:
        """Return an object's type and content.

        Raises:
            KeyError: There is none of this hash.
        """
        found = self._objects.get(sha)
        if found is None:
            found = self._loose_object(sha) or self._packed_object(sha)
            if len(self._objects) >= _KEPT_OBJECTS:
                self._objects.clear()
            self._objects[sha] = found
        return found

    def _loose_object(self, sha: str) -> tuple[str, bytes] | None:
        try:
            content = zlib.decompress((self.git_dir / "objects" / sha[:2] / sha[2:]).read_bytes())
        except FileNotFoundError:
            return None
        head, _, body = content.partition(b"\0")
        return head.split(b" ")[0].decode(), body

    def _packed_object(self, sha: str) -> tuple[str, bytes]:
        answer = git(self.git_dir, "cat-file", "--batch", stdin=f"{sha}\n".encode())
        head, _, rest = answer.partition(b"\n")
        parts = head.decode().split(" ")
        if len(parts) != 3:
            raise KeyError(sha)
        return parts[1], rest[: int(parts[2])]

    def _read_ref(self, ref: str) -> str | None:
        if ".." in ref or not ref.startswith(("refs/heads/", "refs/tags/")):
            return None
        return _read_sha(self.git_dir / ref) or dict(self._packed_refs()).get(ref)

    def _packed_refs(self) -> Iterator[tuple[str, str]]:
        try:
            text = (self.git_dir / "packed-refs").read_text()
        except FileNotFoundError:
            return
        for line in text.splitlines():
            if line and line[0] not in "#^":
                sha, _, ref = line.partition(" ")
                yield ref, sha

    def _git(self, *arguments: str) -> str:
        return git(self.git_dir, *arguments, check=False).decode(errors="replace")


class Repositories:
    """Every git repository at ``ROOT/OWNER/NAME`` or ``ROOT/OWNER/NAME.git``; nothing is registered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, Repository] = {}

    def find(self, owner: str, name: str) -> Repository | None:
        """Return a repository, or None; names that could leave the root are none. Case is ignored."""
        if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)):
            return None
        key = f"{owner}/{name}".lower()
        known = self._known.get(key)
        if known is not None and known.folder.is_dir():
            return known
        folder = self._folder(owner, name)
        if folder is None:
            self._known.pop(key, None)
            return None
        self._known[key] = Repository(f"{folder.parent.name}/{folder.name.removesuffix('.git')}", folder)
        return self._known[key]

    def all(self) -> list[Repository]:
        """Return every repository, by name."""
        folders = [folder for folder in self.root.glob("*/*") if _is_repository(folder)]
        names = sorted({(folder.parent.name, folder.name.removesuffix(".git")) for folder in folders})
        return [found for owner, name in names if (found := self.find(owner, name))]

    def _folder(self, owner: str, name: str) -> Path | None:
        for folder in (self.root / owner / name, self.root / owner / f"{name}.git"):
            if _is_repository(folder):
                return folder
        wanted = f"{owner}/{name}".lower()
        for folder in self.root.glob("*/*"):
            if f"{folder.parent.name}/{folder.name.removesuffix('.git')}".lower() == wanted:
                return folder if _is_repository(folder) else None
        return None


def create_repository(
    root: Path, full_name: str, files: Mapping[str, str], *, branch: str = "main", message: str = "Begin"
) -> Repository:
    """Make a bare repository with one commit, the same on every machine."""
    folder = root / f"{full_name}.git"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
    repository = Repository(full_name, folder)
    commit_files(repository, files, branch=branch, message=message)
    return repository


def commit_files(
    repository: Repository, files: Mapping[str, str], *, branch: str = "main", message: str = "Change"
) -> str:
    """Add or replace files on a branch, made from the default one where it is new, and return the commit."""
    ref = f"refs/heads/{branch}"
    parent = repository.resolve(ref) or repository.resolve(repository.default_branch)
    at = (repository.commit(parent.sha).committer.at.timestamp() + 60) if parent else 1_767_225_600
    stream = [f"commit {ref}\ncommitter Octo Cat <octocat@example.com> {int(at)} +0000\n", _data(message)]
    if parent:
        stream.append(f"from {parent.sha}\n")
    for path, text in sorted(files.items()):
        mode = "100755" if text.startswith("#!") else "100644"
        stream += [f"M {mode} inline {path}\n", _data(text)]
    git(repository.folder, "fast-import", "--quiet", stdin="".join(stream).encode())
    resolved = repository.resolve(ref)
    if resolved is None:
        raise LookupError(f"{repository.full_name} has no {ref} after a commit to it")
    return resolved.sha


def git(folder: Path, *arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
    """Run git in a folder, apart from the account's own configuration.

    Raises:
        subprocess.CalledProcessError: It failed, and ``check`` is set.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT}
    command = ["git", "-c", "safe.directory=*", *arguments]
    result = subprocess.run(
        command, cwd=folder, env=environment, input=stdin, capture_output=True, check=check
    )
    return result.stdout


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _is_repository(folder: Path) -> bool:
    if folder.parent.name.startswith("."):
        return False
    git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
    return (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir()


def _read_sha(path: Path) -> str | None:
    try:
        text = path.read_text().strip()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    return text if _SHA.fullmatch(text) else None


def _signature(text: str) -> Signature:
    match = _PERSON.fullmatch(text)
    if match is None:
        return Signature(text, "", datetime.fromtimestamp(0, UTC))
    at = datetime.fromtimestamp(int(match["seconds"]), UTC)
    return Signature(match["name"], match["email"], at)
