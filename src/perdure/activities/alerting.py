"""Tells people of a fleet that fails, by an issue at GitHub."""

from typing import TYPE_CHECKING

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.model.base import Model
from perdure.model.fleet_progress import NamedFailure

if TYPE_CHECKING:
    from perdure.github import GitHubClient


class AlertInput(Model):
    """Input of :meth:`AlertActivities.open_issue`.

    Attributes:
        repository: Where the issue is opened.
        fleet_id: Names the alert: one fleet alerts once.
        failures: Some of what failed.
    """

    repository: str
    fleet_id: str
    title: str
    failures: tuple[NamedFailure, ...] = ()


class AlertActivities:
    """Alerts people."""

    def __init__(self, github: "GitHubClient") -> None:
        self._github = github

    @activity.defn
    async def open_issue(self, input: AlertInput) -> str:
        """Open an issue, or find the open one that the same fleet has opened before.

        Permanent: there is no such repository, it takes no issues, or the credentials may not open any.
        """
        with as_application_errors():
            async with heartbeats():
                return await self._github.open_issue_once(
                    input.repository, input.title, issue_text(input), mark=issue_mark(input.fleet_id)
                )


def issue_mark(fleet_id: str) -> str:
    """Return what an issue's text holds, unseen, so that it is found again."""
    return f"<!-- perdure fleet {fleet_id.replace('--', '- -')} -->"


def issue_text(input: AlertInput) -> str:
    """Write the issue. Names and reasons come from elsewhere: they are shown as code, and mention nobody."""
    rows = [f"- `{_code(one.key)}`: `{_code(one.reason) or one.outcome.value}`" for one in input.failures]
    return "\n".join(
        [
            issue_mark(input.fleet_id),
            f"More items of the fleet `{_code(input.fleet_id)}` have failed than it tolerates.",
            "",
            *rows,
            "",
            f"Everything: `perdure fleet report {_code(input.fleet_id)}`",
        ]
    )


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())[:300]
