"""What ``perdure workflow-file wrap`` does."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from perdure.cli import _errors
from perdure.cli._asked import check_repository
from perdure.cli._local_github import with_local_github
from perdure.config import load_settings
from perdure.errors import GitHubError, InvalidRefError, UsageError
from perdure.github import GitHubClient, open_github_client
from perdure.workflow_file import DoctorRules
from perdure.workflow_file.action_file import ActionFacts, read_action
from perdure.workflow_file.document import UnreadableFileError
from perdure.workflow_file.rule_text import VARIABLE_PATTERN
from perdure.workflow_file.wrapping import Pin, Wrapper
from perdure.workflow_file.wrapping import wrap as wrapped

_ACTION: Final = re.compile(r"(?P<action>[\w.-]+/[\w.-]+(?:/[\w./-]+)?)@(?P<ref>\S+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_NAMES: Final = ("action.yml", "action.yaml")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """See the command's options."""

    action: str
    output: Path | None
    permissions: Mapping[str, str]
    is_guarded: bool | None
    variable: str


def permissions_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what the job's token shall be allowed.

    Raises:
        UsageError: One is not ``NAME=LEVEL``.
    """
    found = {}
    for text in texts:
        name, _, level = text.partition("=")
        if not re.fullmatch(r"[a-z-]+", name) or level not in {"read", "write", "none"}:
            raise UsageError(f"{text!r} is no permission", hint="write NAME=LEVEL, as in contents=write")
        found[name] = level
    return found


def variable_of(name: str | None) -> str:
    """Return the guard's variable.

    Raises:
        UsageError: It cannot be one.
    """
    if name is not None and not re.fullmatch(VARIABLE_PATTERN, name):
        raise UsageError(f"{name!r} cannot be a variable's name", hint="letters, digits and _: PERDURE_LIVE")
    return name or DoctorRules().variable


def write(asked: Asked) -> int:
    """Read the action, and write the workflow file.

    Raises:
        UsageError: There is no such action, or the file exists.
        GitHubError: The action cannot be read.
    """
    found = _ACTION.fullmatch(asked.action)
    if found is None:
        raise UsageError(
            f"{asked.action!r} is no action at a commit",
            hint="write OWNER/ACTION@COMMIT, or @v1 to have it pinned",
        )
    if asked.output is not None and asked.output.exists():
        raise UsageError(
            f"{asked.output} exists", hint="name another file, or look at the difference yourself"
        )
    check_repository("/".join(found["action"].split("/")[:2]))
    wrapper = asyncio.run(_wrap(asked, found["action"], found["ref"]))
    if asked.output is None:
        typer.echo(wrapper.text, nl=False)
    else:
        _keep(asked.output, wrapper.text)
    for note in wrapper.notes:
        _errors.show_warning(note)
    return 0


async def _wrap(asked: Asked, action: str, ref: str) -> Wrapper:
    settings = with_local_github(load_settings())
    async with open_github_client(settings.github) as github:
        pin = await _pinned(github, Pin(action=action, sha=ref), ref)
        facts = _facts(await _read(github, pin), pin)
    if pin.sha != ref:
        _errors.say(f"pinned {action}@{ref} to {pin.sha}")
    rules = DoctorRules(variable=asked.variable)
    return wrapped(pin, facts, rules, permissions=asked.permissions, is_guarded=asked.is_guarded)


async def _pinned(github: GitHubClient, pin: Pin, ref: str) -> Pin:
    if _COMMIT.fullmatch(ref):
        return Pin(action=pin.action, sha=ref, version=await _version(github, pin.repository, ref))
    for place in (f"refs/tags/{ref}", f"refs/heads/{ref}"):
        try:
            sha = (await github.resolve_ref(pin.repository, place)).sha
        except InvalidRefError:
            continue
        return Pin(action=pin.action, sha=sha, version=ref)
    hint = f"see its tags: https://github.com/{pin.repository}/tags"
    raise InvalidRefError(f"{pin.repository} has no tag or branch {ref!r}", hint=hint)


async def _version(github: GitHubClient, repository: str, sha: str) -> str:
    try:
        tags = await github.tags_of(repository, sha)
    except GitHubError:
        return ""  # only a comment would say it
    return max(tags, key=len, default="")


async def _read(github: GitHubClient, pin: Pin) -> str:
    for name in _NAMES:
        path = f"{pin.folder}/{name}" if pin.folder else name
        text = await github.read_file(pin.repository, path, pin.sha)
        if text is not None:
            return text
    raise UsageError(
        f"{pin.action} has no action.yml at {pin.sha}",
        hint="check the path behind the repository's name, and the commit",
    )


def _facts(text: str, pin: Pin) -> ActionFacts:
    try:
        return read_action(text)
    except UnreadableFileError as error:
        raise UsageError(f"{pin.action}: its action.yml cannot be read: {error}") from None


def _keep(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    _errors.say(f"wrote {file}")
