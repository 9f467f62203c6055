"""GitHub's wire: App authentication, the REST client, workflow files. Knows nothing of Temporal."""

from perdure.github._answers import RateLimit
from perdure.github.client import GitHubClient, open_github_client
from perdure.github.facts import CredentialFacts, RepositoryFacts, ResolvedRef, WorkflowFacts
from perdure.github.workflow_file import read_workflow_file

__all__ = [
    "CredentialFacts",
    "GitHubClient",
    "RateLimit",
    "RepositoryFacts",
    "ResolvedRef",
    "WorkflowFacts",
    "open_github_client",
    "read_workflow_file",
]
