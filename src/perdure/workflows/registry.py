"""Every workflow type of this package: what workers register and replays know."""

from perdure.workflows.action import ActionWorkflow
from perdure.workflows.approval import ApprovalWorkflow
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow
from perdure.workflows.code_review import CodeReviewWorkflow
from perdure.workflows.dispatch_guard import DispatchGuardWorkflow
from perdure.workflows.fleet_store import FleetStoreWorkflow
from perdure.workflows.indexing import IndexRepositoryWorkflow
from perdure.workflows.lock import LockWorkflow
from perdure.workflows.organization_pipeline import OrganizationPipelineWorkflow
from perdure.workflows.parallel_analysis import ParallelAnalysisWorkflow
from perdure.workflows.pipeline import PipelineWorkflow
from perdure.workflows.repository_analysis import RepositoryAnalysisWorkflow
from perdure.workflows.repository_watcher import RepositoryWatcherWorkflow
from perdure.workflows.review_units import ReviewUnitsWorkflow
from perdure.workflows.run_github_action import RunGitHubActionWorkflow
from perdure.workflows.store_reading import ReadStoredWorkflow

WORKFLOWS: tuple[type, ...] = (
    ActionWorkflow,
    ApprovalWorkflow,
    ChunkedProcessorWorkflow,
    CodeReviewWorkflow,
    DispatchGuardWorkflow,
    FleetStoreWorkflow,
    IndexRepositoryWorkflow,
    LockWorkflow,
    OrganizationPipelineWorkflow,
    ParallelAnalysisWorkflow,
    PipelineWorkflow,
    ReadStoredWorkflow,
    RepositoryAnalysisWorkflow,
    RepositoryWatcherWorkflow,
    ReviewUnitsWorkflow,
    RunGitHubActionWorkflow,
)
