"""What ``perdure doctor`` checks of GitHub."""

from collections.abc import AsyncIterator, Iterator

from perdure.cli._findings import Finding, ok, problem, problem_of, warning
from perdure.config import Settings
from perdure.errors import PerdureError
from perdure.github import CredentialFacts, GitHubClient, open_github_client
from perdure.github.app_auth import PERMISSIONS
from perdure.github.auth import Scope
from perdure.github.facts import QuotaFacts
from perdure.github.pacing import FREELY, RESERVES, Urgency
from perdure.model.dispatch import DISPATCH_ID_INPUT, Correlation
from perdure.model.names import workflow_path
from perdure.model.workflow_files import TRIGGER_TO_ADD, WorkflowFileFacts

_GITHUB = "github"
_FILE = "workflow file"
_LEVELS = ("none", "read", "write", "admin")
_WAITING = {
    Urgency.CANCEL: "nothing can be asked for",
    Urgency.CHANGE: "runs can be cancelled, and nothing else",
    Urgency.READ: "runs can be dispatched and cancelled, and nothing is read",
    Urgency.WATCH: "nothing watches runs: they go on, and their ends are seen later",
}
"""What waits once its reserve is reached: the most that waits, first."""

_RUN_NAME = 'run-name: "... [${{ inputs.dispatch_id }}]"'


async def check_github(
    settings: Settings, repository: str | None, workflow_file: str | None
) -> AsyncIterator[Finding]:
    """Yield what can be known of the credentials, a repository and a workflow file."""
    findings: list[Finding] = []
    about = _GITHUB
    try:
        async with open_github_client(settings.github) as github:
            findings += _credentials(await github.describe_credentials(repository), repository)
            if repository is not None and workflow_file is not None:
                about = _FILE
                findings += await _workflow_file(github, repository, workflow_file)
    except PerdureError as error:
        findings.append(problem_of(about, error))
    for finding in findings:
        yield finding


def _credentials(facts: CredentialFacts, repository: str | None) -> Iterator[Finding]:
    if facts.kind == "app":
        where = f", installed on {facts.account} for {repository}" if repository else ""
        yield ok(_GITHUB, f"GitHub accepts the App {facts.name}{where}")
    else:
        of = f" of {facts.name}" if facts.name else ""
        sees = f", which sees {repository}" if repository else ""
        yield ok(_GITHUB, f"GitHub accepts the token{of}{sees}")
    if facts.kind == "app" and repository is not None:
        yield from _permissions(facts)
    for quota in facts.quotas:
        yield _quota(quota)


def _permissions(facts: CredentialFacts) -> Iterator[Finding]:
    wanted = PERMISSIONS[Scope.WRITE]
    lacking = [
        f"{name}: {level}"
        for name, level in wanted.items()
        if _rank(facts.permissions.get(name, "none")) < _rank(level)
    ]
    if not lacking:
        yield ok(_GITHUB, f"it may {', '.join(f'{name}: {level}' for name, level in wanted.items())}")
        return
    yield problem(
        _GITHUB,
        f"the App lacks the permission {', '.join(lacking)}",
        hint="grant it in the App's settings under Permissions & events, then have the account"
        f" {facts.account} accept the change",
    )


def _rank(level: str) -> int:
    return _LEVELS.index(level) if level in _LEVELS else 0


def _quota(quota: QuotaFacts) -> Finding:
    left, limit = quota.requests_left, quota.requests_limit
    of = f"{quota.account}: " if quota.account else ""
    again = f"all again at {quota.resets_at:%H:%M:%S} UTC"
    said = f"{of}{left:,} of {limit:,} requests of this hour are left, {again}"
    part = left / limit if limit else 1.0
    waiting = [words for urgency, words in _WAITING.items() if part <= RESERVES[urgency]]
    if not waiting:
        slower = "; what watches runs goes slower, for what dispatches" if part < FREELY else ""
        return ok(_GITHUB, said + slower)
    return warning(
        _GITHUB,
        f"{said}; until then {waiting[0]}",
        hint="who else uses these credentials? To ask less, set longest_interval in [watch]",
    )


async def _workflow_file(github: GitHubClient, repository: str, workflow_file: str) -> list[Finding]:
    registered = await github.get_workflow(repository, workflow_file)
    if registered.state != "active":
        hint = f"gh workflow enable {workflow_file} --repo {repository}"
        return [problem(_FILE, f"{workflow_file} is disabled ({registered.state})", hint=hint)]
    branch = (await github.get_repository(repository)).default_branch
    sha = (await github.resolve_ref(repository, branch)).sha
    facts = await github.read_workflow_file(repository, workflow_path(workflow_file), sha)
    if facts is None:
        hint = "grant contents: read, so that inputs are checked before a dispatch"
        return [warning(_FILE, f"{workflow_file} cannot be read with these credentials", hint=hint)]
    return list(_file_facts(workflow_file, branch, facts))


def _file_facts(workflow_file: str, branch: str, facts: WorkflowFileFacts) -> Iterator[Finding]:
    if facts.dispatch_inputs is None:
        yield problem(
            _FILE,
            f"{workflow_file} on {branch} has no workflow_dispatch trigger",
            hint=f"add this to it:\n{TRIGGER_TO_ADD.rstrip()}",
        )
        return
    inputs = [
        f"{each.name} ({each.type}{', required' if each.required and each.default is None else ''})"
        for each in facts.dispatch_inputs.values()
        if each.name != DISPATCH_ID_INPUT
    ]
    yield ok(_FILE, f"{workflow_file} on {branch} can be dispatched; inputs: {', '.join(inputs) or 'none'}")
    if not facts.takes_dispatch_id:
        yield warning(
            _FILE,
            "it takes no dispatch_id: where GitHub's answer is lost, a person has to decide",
            hint=f"add an input dispatch_id, and show it:\n{_RUN_NAME}\n{TRIGGER_TO_ADD.rstrip()}",
        )
        return
    yield _correlation(facts.correlation)


def _correlation(correlation: Correlation) -> Finding:
    match correlation:
        case Correlation.RUN_NAME:
            return ok(_FILE, "it takes a dispatch id and shows it in its run-name")
        case Correlation.STEP_NAME:
            return warning(
                _FILE,
                "it shows its dispatch id in a step's name alone: a run is found only once a runner has it",
                hint=f"show it in the run's name: {_RUN_NAME}",
            )
        case Correlation.NONE:
            return warning(
                _FILE,
                "it takes a dispatch id but shows it nowhere, so that a run is not found by it",
                hint=f"show it in the run's name: {_RUN_NAME}",
            )
