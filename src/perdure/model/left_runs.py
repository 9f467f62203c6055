"""Runs that may go on at GitHub although what started them has ended: somebody has to know of them."""

from perdure.model.base import Model
from perdure.model.progress import ActionProgress, Stage

LEFT_SIGNAL = "actions_run_left"
"""The signal that tells a pipeline of a :class:`LeftRun`."""


class LeftRun(Model):
    """A run that may go on at GitHub.

    Attributes:
        workflow_id: The action that has ended.
        dispatch_id: What the run carries, if there is one.
        html_url: Its page, or empty where no run is known.
        reason: Why it was not seen to end.
    """

    workflow_id: str
    repository: str
    dispatch_id: str = ""
    html_url: str = ""
    reason: str = ""

    def __str__(self) -> str:
        where = self.html_url or f"{self.repository}, a run with the dispatch id {self.dispatch_id}"
        return f"{where}: {self.reason}"


def may_be_left(progress: ActionProgress) -> bool:
    """Tell whether an action that ends now leaves a run behind, as far as anybody knows."""
    if progress.actions_run is not None:
        return not progress.actions_run.is_completed
    return progress.may_be_dispatched or progress.stage is Stage.DISPATCHING


def left_run(workflow_id: str, progress: ActionProgress) -> LeftRun | None:
    """Return what an action has said that it leaves behind."""
    if not progress.left_running:
        return None
    return LeftRun(
        workflow_id=workflow_id,
        repository=progress.repository,
        dispatch_id=progress.dispatch_id,
        html_url=progress.actions_run.html_url if progress.actions_run else "",
        reason=progress.left_running,
    )
