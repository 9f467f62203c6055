"""Reviews a whole repository as it is: what a fleet does to each of thousands."""

from temporalio import workflow

from perdure.workflows._reviewing import Reviewing

with workflow.unsafe.imports_passed_through():
    from perdure.model.code_review import (
        CodeReviewProgress,
        RepositoryAnalysisInput,
        RepositoryAnalysisResult,
        ReviewStage,
    )
    from perdure.model.review import ReviewTarget


@workflow.defn
class RepositoryAnalysisWorkflow:
    """Reviews every file of a repository.

    Nothing is posted: what it found is in the report. Ends when every file is reviewed, skipped with a reason
    or failed with one. Message: the query ``progress``. Survives the loss of worker and engine at any moment,
    and then pays for nothing twice.
    """

    @workflow.init
    def __init__(self, input: RepositoryAnalysisInput) -> None:
        """Begin."""
        target = ReviewTarget(repository=input.repository, ref=input.ref)
        self._reviewing = Reviewing(target, input.policy)

    @workflow.run
    async def run(self, input: RepositoryAnalysisInput) -> RepositoryAnalysisResult:
        """Review the repository to its end."""
        summary = await self._reviewing.review(previous=input.previous)
        self._reviewing.update(stage=ReviewStage.DONE)
        return RepositoryAnalysisResult(
            repository=input.repository,
            head_sha=summary.head_sha,
            verdict=summary.verdict,
            report=summary.report,
            sarif=summary.sarif,
            found=summary.found,
            files=summary.files,
            cost=summary.usage.cost,
        )

    @workflow.query
    def progress(self) -> CodeReviewProgress:
        """Tell where the review stands."""
        return self._reviewing.progress
