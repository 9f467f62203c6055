"""How long what still runs may take once its pipeline was cancelled."""

from datetime import timedelta

from perdure.pipeline.policies import Retry, Timeout
from perdure.pipeline.steps import ActionCall, ApprovalStep, PipelineStep, RunStep, StepBase, WaitStep


def own_limit(work: ActionCall | StepBase) -> timedelta | None:
    """Return how long a step or a compensation may take by its own limits, as far as it has any.

    Returns:
        ``None`` for steps that end by themselves: approvals and waits.
    """
    if isinstance(work, ApprovalStep | WaitStep):
        return None
    timeout = work.timeout if isinstance(work, ActionCall | RunStep | PipelineStep) else None
    retry = (work.retry if isinstance(work, ActionCall | RunStep) else None) or Retry()
    limits = timeout or Timeout()
    attempt = (limits.queue or timedelta(0)) + (limits.run or timedelta(0))
    # Without limit is once, here: what was cancelled is not tried for ever.
    attempts = retry.attempts or 1
    return attempts * attempt + (attempts - 1) * retry.delay
