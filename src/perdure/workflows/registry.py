"""Every workflow type of this package: what workers register and replays know."""

from perdure.workflows.action import ActionWorkflow
from perdure.workflows.approval import ApprovalWorkflow
from perdure.workflows.dispatch_guard import DispatchGuardWorkflow
from perdure.workflows.lock import LockWorkflow
from perdure.workflows.pipeline import PipelineWorkflow
from perdure.workflows.repository_watcher import RepositoryWatcherWorkflow
from perdure.workflows.run_github_action import RunGitHubActionWorkflow

WORKFLOWS: tuple[type, ...] = (
    ActionWorkflow,
    ApprovalWorkflow,
    DispatchGuardWorkflow,
    LockWorkflow,
    PipelineWorkflow,
    RepositoryWatcherWorkflow,
    RunGitHubActionWorkflow,
)
