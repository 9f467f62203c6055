"""What GitHub says about repositories, refs, workflow files and credentials, as far as Perdure uses it."""

from datetime import datetime

from pydantic import Field

from perdure.model.base import Model


class RepositoryFacts(Model):
    """A repository."""

    repository: str
    default_branch: str
    private: bool = False
    archived: bool = False
    fork: bool = False
    html_url: str = ""


class ResolvedRef(Model):
    """A branch or tag, and the commit that it names now."""

    ref: str
    sha: str


class WorkflowFacts(Model):
    """A workflow file as GitHub registered it.

    Attributes:
        state: ``active``, or why it is disabled, such as ``disabled_inactivity``.
    """

    actions_workflow_id: int
    name: str
    path: str
    state: str


class QuotaFacts(Model):
    """What is left of an hour's requests.

    Attributes:
        account: The installation's; empty for a plain token.
        requests_left: Of this hour's.
        requests_limit: An hour.
        resets_at: When all are there again.
    """

    account: str = ""
    requests_left: int
    requests_limit: int
    resets_at: datetime


class CredentialFacts(Model):
    """Who Perdure is at GitHub, for people.

    Attributes:
        kind: ``app`` or ``token``.
        name: The App's slug, or the token's owner where GitHub tells.
        installation_id: Where the App is installed for the repository that was asked about.
        account: The installation's.
        permissions: What was granted.
        expires_at: When the present token does.
        quotas: The repository's, or those of the App's installations; none where there are no limits.
    """

    kind: str
    name: str = ""
    installation_id: int | None = None
    account: str = ""
    permissions: dict[str, str] = Field(default_factory=dict)
    expires_at: datetime | None = None
    quotas: tuple[QuotaFacts, ...] = ()
