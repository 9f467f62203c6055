"""The pull request of ``perdure workflow-file doctor``."""

from collections.abc import Sequence
from typing import Final

from perdure.model.proposals import Proposal
from perdure.workflow_file import Mended, Rule, WorkflowFinding

BRANCH: Final = "perdure/workflow-file-doctor"
_TITLE: Final = "Make workflow files safe to rehearse and to repeat"
_MOST_LISTED: Final = 100
_MOST_CHARACTERS: Final = 60_000


def proposal_of(mended: Sequence[Mended], repository: str, base: str, variable: str) -> Proposal | None:
    """Return what is to be proposed, or ``None`` where nothing can be mended by adding text."""
    changed = [each for each in mended if each.is_changed]
    if not changed:
        return None
    return Proposal(
        repository=repository,
        base=base,
        branch=BRANCH,
        files={each.path: each.after.encode() for each in changed},
        message=_TITLE,
        title=_TITLE,
        body=_body(mended, set_variable(variable, repository), variable),
    )


def adds_guard(mended: Sequence[Mended]) -> bool:
    """Say whether anything is skipped from now on where the variable is not set."""
    guarding = {Rule.UNGUARDED, Rule.FIRES_ON_MIRROR}
    return any(one.mended and one.rule in guarding for each in mended for one in each.findings)


def set_variable(variable: str, repository: str | None) -> str:
    """Return the command that sets the guard's variable."""
    return f"gh variable set {variable} --body true --repo {repository or 'OWNER/REPO'}"


def _body(mended: Sequence[Mended], command: str, variable: str) -> str:
    parts = ["Every line that is not part of this change is as it was."]
    if adds_guard(mended):
        parts.append(
            f"**Before this is merged**, set the variable `{variable}` of this repository, or the guarded"
            f" steps and jobs are skipped:\n\n```sh\n{command}\n```"
        )
    done = [(each.path, one) for each in mended for one in each.findings if one.mended]
    parts.append(f"Mended:\n\n{_listed(done)}")
    if left := _listed([(each.path, one) for each in mended for one in each.left]):
        parts.append(f"Left for a person:\n\n{left}")
    return "\n\n".join(parts)[:_MOST_CHARACTERS]


def _listed(findings: Sequence[tuple[str, WorkflowFinding]]) -> str:
    # Names of steps are the repository's: no markup, and nobody is mentioned.
    return "\n".join(
        f"- `{path}:{one.line}` {one.rule.value}: "
        + one.message.replace("<", "&lt;").replace("@", "@\u200b").replace("`", "'")
        for path, one in findings[:_MOST_LISTED]
    )
