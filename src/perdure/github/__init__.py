"""GitHub's wire: App authentication, the REST client, workflow files. Knows nothing of Temporal."""

from perdure.github._answers import RateLimit
from perdure.github._commits import Moved
from perdure.github._reviews import is_beside_the_diff
from perdure.github.client import GitHubClient, open_github_client
from perdure.github.facts import CredentialFacts, RepositoryFacts, ResolvedRef, WorkflowFacts
from perdure.github.workflow_file import read_workflow_file

__all__ = [
    "CredentialFacts",
    "GitHubClient",
    "Moved",
    "RateLimit",
    "RepositoryFacts",
    "ResolvedRef",
    "WorkflowFacts",
    "is_beside_the_diff",
    "open_github_client",
    "read_workflow_file",
]
