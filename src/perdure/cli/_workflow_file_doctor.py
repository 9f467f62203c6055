"""What ``perdure workflow-file doctor`` does."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._asked import check_repository
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_github import with_local_github
from perdure.cli._shown import shown
from perdure.cli._workflow_file_proposal import adds_guard, proposal_of, set_variable
from perdure.cli._workflow_file_sources import local_trees, remote_tree
from perdure.config import load_settings
from perdure.errors import UsageError
from perdure.github import GitHubClient, open_github_client
from perdure.model.proposals import Proposal
from perdure.workflow_file import DoctorRules, Level, Mended, Rule, read_rules
from perdure.workflow_file.reporting import diff_of, json_of, lines_of, sarif_of
from perdure.workflow_file.rule_text import VARIABLE_PATTERN


class Mode(StrEnum):
    """What is done with what was found."""

    DIFF = "diff"
    CHECK = "check"
    FIX = "fix"
    PULL_REQUEST = "pull request"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """See the command's options."""

    target: str
    mode: Mode
    sarif: Path | None
    rules: DoctorRules
    as_json: bool


def mode_of(*, check: bool, fix: bool, pull_request: bool) -> Mode:
    """Return the one mode that was asked for.

    Raises:
        UsageError: There were several.
    """
    asked = [
        mode
        for mode, wanted in ((Mode.CHECK, check), (Mode.FIX, fix), (Mode.PULL_REQUEST, pull_request))
        if wanted
    ]
    if len(asked) > 1:
        raise UsageError(
            "--check, --fix and --pull-request exclude each other",
            hint="name one of them, or none for a diff",
        )
    return asked[0] if asked else Mode.DIFF


def rules_of(
    file: Path | None, *, variable: str | None, ignore: tuple[str, ...], with_step: bool
) -> DoctorRules:
    """Return what to go by.

    Raises:
        UsageError: The file of rules or an option cannot be right.
    """
    rules = DoctorRules()
    if file is not None:
        try:
            rules = read_rules(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    known = [rule.value for rule in Rule if rule is not Rule.UNREADABLE]
    for name in ignore:
        if name not in known:
            raise UsageError(f"there is no rule {name!r}", hint=f"the rules are {', '.join(known)}")
    if variable is not None and not re.fullmatch(VARIABLE_PATTERN, variable):
        raise UsageError(
            f"{variable!r} cannot be a variable's name", hint="letters, digits and _: PERDURE_LIVE"
        )
    return replace(
        rules,
        variable=variable or rules.variable,
        ignored=rules.ignored | frozenset(ignore),
        with_step=with_step,
    )


def examine(asked: Asked) -> ExitCode:
    """Examine everything, and do what was asked for.

    Raises:
        UsageError: The target is nothing that can be examined.
        GitHubError: The repository cannot be read, or refuses the proposal.
    """
    path = Path(asked.target)
    if path.exists():
        if asked.mode is Mode.PULL_REQUEST:
            raise UsageError(
                "--pull-request needs a repository at GitHub",
                hint=f"perdure workflow-file doctor OWNER/REPO --pull-request, or {asked.target} --fix",
            )
        mended = [each for tree in local_trees(path) for each in tree.mended(asked.rules)]
        return _finish(asked, mended, repository=None)
    if re.fullmatch(r"[^/]+/[^/]+", asked.target) is None:
        raise UsageError(
            f"there is no file or folder {asked.target}", hint="name one that exists, or OWNER/REPO at GitHub"
        )
    return asyncio.run(_examine_remote(asked, check_repository(asked.target)))


async def _examine_remote(asked: Asked, repository: str) -> ExitCode:
    if asked.mode is Mode.FIX:
        raise UsageError(
            "--fix writes files of this machine",
            hint=f"perdure workflow-file doctor {repository} --pull-request",
        )
    settings = with_local_github(load_settings())
    async with open_github_client(settings.github) as github:
        base = (await github.get_repository(repository)).default_branch
        sha = (await github.resolve_ref(repository, f"refs/heads/{base}")).sha
        mended = (await remote_tree(github, repository, sha)).mended(asked.rules)
        if asked.mode is not Mode.PULL_REQUEST:
            return _finish(asked, mended, repository=repository)
        _write_sarif(asked, mended)
        await _propose(github, proposal_of(mended, repository, base, asked.rules.variable))
        return _show_left(asked, mended)


async def _propose(github: GitHubClient, proposal: Proposal | None) -> None:
    if proposal is None:
        _errors.say("there is nothing to mend by adding text")
        return
    pull = await github.propose(proposal)
    said = "opened a pull request" if pull.is_new else "the pull request is open already, and up to date"
    _errors.say(said)
    typer.echo(shown(pull.html_url))


def _finish(asked: Asked, mended: Sequence[Mended], *, repository: str | None) -> ExitCode:
    _write_sarif(asked, mended)
    if asked.mode is Mode.CHECK:
        return _show_findings(asked, mended)
    if asked.mode is Mode.FIX:
        for each in mended:
            if each.is_changed:
                _write(each)
                _errors.say(f"mended {each.path}: {_count(sum(one.mended for one in each.findings))}")
        if not any(each.is_changed for each in mended):
            _errors.say("nothing to mend by adding text")
        _say_variable(asked.rules, mended, repository)
        return _show_left(asked, mended)
    if asked.as_json:
        typer.echo(json.dumps(json_of(mended), indent=2, ensure_ascii=False))
    else:
        typer.echo("".join(diff_of(each) for each in mended), nl=False)
    _say_refused(mended)
    for each in mended:
        # As the file is now, which the diff has not changed yet.
        people = tuple(one for one in each.findings if not one.mended and one.level is not Level.NOTE)
        for line in lines_of(replace(each, findings=people)):
            _errors.say(line)
    _say_variable(asked.rules, mended, repository)
    found = [one for each in mended for one in each.findings]
    can = sum(one.mended for one in found)
    _errors.say(
        f"{len(mended)} {'file' if len(mended) == 1 else 'files'}, {_count(len(found))}"
        + (f", {can} of them mended by the diff" if can else "")
    )
    return ExitCode.SUCCESS


def _show_findings(asked: Asked, mended: Sequence[Mended]) -> ExitCode:
    if asked.as_json:
        typer.echo(json.dumps(json_of(mended), indent=2, ensure_ascii=False))
    else:
        for each in mended:
            for line in lines_of(each):
                typer.echo(shown(line))
    _say_refused(mended)
    counted = [one for each in mended for one in each.findings if one.level is not Level.NOTE]
    files = f"{len(mended)} {'file' if len(mended) == 1 else 'files'}"
    if not counted:
        _errors.say(f"{files}, nothing found")
        return ExitCode.SUCCESS
    can = sum(one.mended for one in counted)
    more = f"; {can} can be mended: see them without --check" if can else ""
    _errors.say(f"{files}, {_count(len(counted))}{more}")
    return ExitCode.FAILED


def _show_left(asked: Asked, mended: Sequence[Mended]) -> ExitCode:
    left = [replace(each, findings=each.left) for each in mended]
    if asked.as_json:
        typer.echo(json.dumps(json_of(left), indent=2, ensure_ascii=False))
    else:
        for each in left:
            for line in lines_of(each):
                typer.echo(shown(line))
    _say_refused(mended)
    count = sum(len(each.findings) for each in left)
    if count:
        _errors.say(f"{_count(count)} left for a person")
    return ExitCode.FAILED if count else ExitCode.SUCCESS


def _say_refused(mended: Sequence[Mended]) -> None:
    for each in mended:
        if each.refused:
            _errors.show_warning(f"{each.path} is left as it is: {each.refused}")


def _say_variable(rules: DoctorRules, mended: Sequence[Mended], repository: str | None) -> None:
    if adds_guard(mended):
        _errors.show_warning(
            "guarded steps and jobs are skipped until the repository has the variable:"
            f" {set_variable(rules.variable, repository)}"
        )


def _write(mended: Mended) -> None:
    try:
        Path(mended.path).write_bytes(mended.after.encode())
    except OSError as error:
        raise UsageError(f"{mended.path} cannot be written: {error.strerror}") from None


def _write_sarif(asked: Asked, mended: Sequence[Mended]) -> None:
    if asked.sarif is None:
        return
    report = sarif_of(mended, version=version("perdure"))
    try:
        asked.sarif.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{asked.sarif} cannot be written: {error.strerror}") from None


def _count(number: int) -> str:
    return f"{number} finding" if number == 1 else f"{number} findings"
