"""What ``perdure doctor`` does once its options are read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import typer

from perdure.cli._asked import check_repository, check_workflow_file
from perdure.cli._doctor_engine import check_engine
from perdure.cli._doctor_github import check_github
from perdure.cli._exit_codes import ExitCode
from perdure.cli._findings import Finding, Level, ok, problem_of, warning
from perdure.cli._local_github import with_local_github
from perdure.cli._shown import shown
from perdure.config import Settings, load_settings
from perdure.errors import SettingsError

_MARKS = {
    Level.OK: ("ok", typer.colors.GREEN),
    Level.WARNING: ("warning", typer.colors.YELLOW),
    Level.PROBLEM: ("problem", typer.colors.RED),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is checked besides settings, engine and credentials."""

    repository: str | None = None
    workflow_file: str | None = None


def check(subject: Subject, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print what is found as it is found.

    Raises:
        UsageError: The repository or the file's name cannot be one.
    """
    subject = _checked(subject)

    async def main() -> ExitCode:
        worst = ExitCode.SUCCESS
        async for finding in _findings(subject, address, namespace):
            typer.echo(finding.model_dump_json() if as_json else _text(finding))
            if finding.level is Level.PROBLEM:
                worst = ExitCode.FAILED
        return worst

    return asyncio.run(main())


def _checked(subject: Subject) -> Subject:
    repository, workflow_file = subject.repository, subject.workflow_file
    return Subject(
        repository=check_repository(repository) if repository is not None else None,
        workflow_file=check_workflow_file(workflow_file) if workflow_file is not None else None,
    )


async def _findings(subject: Subject, address: str | None, namespace: str | None) -> AsyncIterator[Finding]:
    try:
        settings = with_local_github(load_settings())
    except SettingsError as error:
        yield problem_of("settings", error)
        settings = None
    if settings is not None:
        yield _settings(settings)
    async for finding in check_engine(settings or Settings(), address, namespace):
        yield finding
    if settings is not None:
        async for finding in check_github(settings, subject.repository, subject.workflow_file):
            yield finding


def _settings(settings: Settings) -> Finding:
    github = settings.github
    if github.has_app:
        who = f"GitHub App {github.app_id or github.client_id} with the key of {github.private_key}"
    else:
        who = f"the token of {github.token}" if github.token else "no credentials for GitHub"
    said = f"from {settings.source}: {github.url}, {who}"
    if settings.source == "defaults" and not github.token:
        return warning(
            "settings", said, hint="write a perdure.toml with a section [github], or set GITHUB_TOKEN"
        )
    return ok("settings", said)


def _text(finding: Finding) -> str:
    mark, colour = _MARKS[finding.level]
    head = f"{typer.style(mark.ljust(8), fg=colour)} {finding.about}: {shown(finding.message)}"
    if finding.hint is None:
        return head
    hint = shown(finding.hint).replace("\n", f"\n{'':15}")
    return f"{head}\n{'':9}hint: {hint}"
