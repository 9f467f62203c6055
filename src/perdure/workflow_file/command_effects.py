"""Which effect a command has outside: by the table, by verbs for tools of endless sub-commands, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from perdure.workflow_file.command_table import built_in
from perdure.workflow_file.rule_table import CommandRule, DoctorRules, Family
from perdure.workflow_file.shell import Command

_VALUED: Final = {
    "git": {"-C", "-c", "--git-dir", "--work-tree"},
    "docker": {"--config", "-H", "--context", "-c", "--log-level"},
    "kubectl": {"-n", "--namespace", "--context", "--kubeconfig", "--cluster", "-s"},
    "oc": {"-n", "--namespace", "--context", "--kubeconfig"},
    "helm": {"-n", "--namespace", "--kube-context", "--kubeconfig"},
    "npm": {"--prefix", "-w", "--workspace", "--registry"},
    "pnpm": {"--filter", "-F", "-C", "--dir"},
    "yarn": {"--cwd"},
    "mvn": {"-f", "-s", "-P", "-pl", "--settings", "--file"},
    "gradle": {"-p", "-b", "--project-dir", "-I"},
    "gh": {"-R", "--repo"},
    "aws": {"--profile", "--region", "--output", "--endpoint-url"},
    "gcloud": {"--project", "--account", "--configuration", "--region", "--zone", "--format"},
    "make": {"-C", "-f", "-j"},
    "cargo": {"--manifest-path", "-p", "--package", "-Z", "--color"},
    "terraform": {"-chdir"},
    "uv": {"--directory", "--project"},
    "poetry": {"-C", "--directory"},
}
_GUESSED: Final = r"(?:deploy|release|publish|upload|ship|promote|rollback)"
_NAMED: Final = re.compile(
    rf"{_GUESSED}(?:[-_:][\w:-]*)?(?:\.(?:sh|bash|py|js|mjs|ts|rb|pl|ps1))?", re.IGNORECASE
)
_NO_EFFECT: Final = re.compile(r"(?:[-_](?:notes|check|dry[-_]?run|test|build|preview|plan|info|version)\b)")
_READS: Final = re.compile(
    r"(?:describe|get|list|head|show|lookup|search|scan|query|select|filter|validate|estimate|preview|test)"
    r"(?:-.*)?|ls|wait|help|version|info|tail|logs|presign|login|logout|configure|sts|cat|diff|print-.*|can-i|"
    r"auth|config|account|components|sso|check-.*|exists|export|batch-get-.*|read|download"
)
_LOCAL: Final = re.compile(
    r"(?:https?://)?(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|host\.docker\.internal)\b"
)
_WRITES: Final = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Effect:
    """What something changes outside.

    Attributes:
        what: How it is called in a message.
        family: Its kind.
        is_safe: Whether it may be done twice.
        is_known: Whether it is known; otherwise its name alone says so.
        line: Of the script, from 0.
    """

    what: str
    family: Family
    is_safe: bool = True
    is_known: bool = True
    line: int = 0


def effect_of(command: Command, rules: DoctorRules) -> Effect | None:
    """Return what a command changes outside, or ``None``."""
    line = " ".join(command.words)
    if any(line == each or line.startswith(f"{each} ") for each in rules.harmless):
        return None
    found = _by_table(command, [*rules.commands, *_table().get(command.program, [])])
    special = _SPECIAL.get(command.program)
    if found is None and special is not None:
        found = special(command)
    if found is None:
        found = _by_name(command)
    return found


@lru_cache(maxsize=1)
def _table() -> dict[str, list[CommandRule]]:
    table: dict[str, list[CommandRule]] = {}
    for rule in built_in():
        table.setdefault(rule.words[0], []).append(rule)
    # `gh release upload` before `gh release`, should both be there.
    return {program: sorted(found, key=lambda rule: -len(rule.words)) for program, found in table.items()}


def _by_table(command: Command, rules: Iterable[CommandRule]) -> Effect | None:
    words = positional(command)
    options = {word.partition("=")[0] for word in command.words} | set(command.words)
    for rule in rules:
        if rule.words[0] != command.program or not _says(rule, words):
            continue
        if options & rule.harmless or not (rule.needs <= options if rule.needs else True):
            return None
        if rule.words == ("git", "tag") and not words[1:]:
            return None  # it lists
        safe = rule.is_safe or bool(options & rule.safe_with)
        return Effect(" ".join(rule.words), rule.family, is_safe=safe, line=command.line)
    return None


def _says(rule: CommandRule, words: list[str]) -> bool:
    wanted = list(rule.words[1:])
    if rule.anywhere:
        return (
            any(word.rpartition(":")[2] == wanted[-1] or word == wanted[-1] for word in words[1:])
            if wanted
            else True
        )
    return words[1 : 1 + len(wanted)] == wanted


def positional(command: Command) -> list[str]:
    """Return the program and its arguments without options and their values."""
    valued = _VALUED.get(command.program, set())
    found, skip = [command.program], False
    for word in command.words[1:]:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in valued
        else:
            found.append(word)
    return found


def _cloud(command: Command) -> Effect | None:
    words = positional(command)[1:]
    if not words or any(_READS.fullmatch(word) for word in words[:4]):
        return None
    if (
        words[0] == "s3"
        and len(words) > 3
        and not words[3].startswith(("s3://", "$"))
        and "s3://" in words[2]
    ):
        return None  # a download
    if "--dryrun" in command.words or "--dry-run" in command.words or "--help" in command.words:
        return None
    creates = any(word.startswith("create") for word in words[:4]) and command.program != "az"
    what = " ".join([command.program, *words[: 3 if command.program == "gcloud" else 2]])
    return Effect(what, Family.CLOUD, is_safe=not creates, line=command.line)


def _http(command: Command) -> Effect | None:
    words = command.words[1:]
    if any(_LOCAL.match(word) for word in words):
        return None
    method = _method(words)
    sends = any(
        re.match(
            r"(?:-d|--data(?:-\w+)?|-F|--form(?:-string)?|-T|--upload-file|--json|--post-data|--post-file)(?:=|$)",
            word,
        )
        or re.fullmatch(r"-(?:d|F|T)\S+", word)
        for word in words
    )
    if "-G" in words or "--get" in words:
        sends = False
    if method in _WRITES or (sends and method is None):
        return Effect(f"{command.program} {method or 'POST'}", Family.REQUEST, line=command.line)
    return None


def _method(words: tuple[str, ...]) -> str | None:
    for place, word in enumerate(words):
        name, is_joined, value = word.partition("=")
        if name in {"-X", "--request", "--method", "-Method"}:
            given = value if is_joined else "".join(words[place + 1 : place + 2])
            return given.upper()
        if found := re.fullmatch(r"-[a-zA-Z]*X([A-Z]*)", word):
            return (found[1] or "".join(words[place + 1 : place + 2])).upper()
    return None


def _gh(command: Command) -> Effect | None:
    words = positional(command)
    if words[1:2] != ["api"]:
        return None
    method = _method(command.words[1:])
    fields = any(re.match(r"(?:-f|-F|--field|--raw-field|--input)(?:=|$)", word) for word in command.words)
    if words[2:3] == ["graphql"]:
        if not any(re.search(r"\bmutation\b", word) for word in command.words):
            return None
        method = "POST"
    if method in _WRITES or (method is None and fields):
        return Effect(f"gh api {method or 'POST'}", Family.REQUEST, line=command.line)
    return None


def _remote_copy(command: Command) -> Effect | None:
    targets = [word for word in command.words[1:] if not word.startswith("-")]
    is_dry = "--dry-run" in command.words or (command.program == "rsync" and "-n" in command.words)
    if is_dry or not targets or not re.match(r"(?:[^/\s:]+@)?[^/\s:]+:", targets[-1]):
        return None
    return Effect(command.program, Family.UPLOAD, line=command.line)


def _by_name(command: Command) -> Effect | None:
    words = positional(command)
    name = words[0]
    if name in {
        "make",
        "just",
        "task",
        "rake",
        "invoke",
        "inv",
        "nox",
        "tox",
        "ant",
        "gulp",
        "grunt",
        "mage",
    }:
        names = words[1:]
    elif name in {"npm", "pnpm", "yarn", "bun", "deno"}:
        names = words[2:3] if words[1:2] in (["run"], ["task"]) else (words[1:2] if name != "npm" else [])
    elif name in {
        "python",
        "python3",
        "node",
        "ruby",
        "perl",
        "pwsh",
        "powershell",
        "bash",
        "sh",
        "source",
        ".",
    }:
        names = [re.split(r"[/\\]", words[1])[-1]] if words[1:] else []
    else:
        names = [name] if "." in name or "-" in name or "_" in name else []
    for each in names:
        if _NAMED.fullmatch(each) and not _NO_EFFECT.search(each) and "--dry-run" not in command.words:
            what = (
                each
                if each == name
                else " ".join([*words[: words.index(each)], each] if each in words else [name, each])
            )
            return Effect(what, Family.DEPLOY, is_known=False, line=command.line)
    return None


_SPECIAL: Final[dict[str, Callable[[Command], Effect | None]]] = {
    **dict.fromkeys(("aws", "gcloud", "az", "doctl", "ibmcloud", "oci", "aliyun", "linode-cli"), _cloud),
    **dict.fromkeys(("curl", "wget", "http", "https", "xh"), _http),
    **dict.fromkeys(("rsync", "scp"), _remote_copy),
    "gh": _gh,
}
