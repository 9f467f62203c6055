"""Which results of a pipeline that ended are kept when it is started again.

A release that failed in its last step must not publish again what it has published. A job's result is kept
when the job succeeded, nothing has undone it, and what it would be given now is what it was given then.
"""

from collections.abc import Mapping
from typing import Final

from perdure.errors import ExpressionError, UsageError
from perdure.model.words import did_you_mean
from perdure.pipeline.compiling import CompiledPipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.outcomes import Conclusion
from perdure.pipeline.running import PipelineState
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import PipelineStep, StepBase
from perdure.pipeline.templates import render

_WHEN_AND_HOW: Final = {
    "name",
    "needs",
    "if_",
    "environment",
    "continue_on_error",
    "matrix",
    "max_parallel",
    "fail_fast",
    "concurrency",
    "compensate",
    "timeout",
    "retry",
    "on_ambiguity",
    "adopt_window",
    "queue",
}
"""What says when and how a job is done, and not what: it may change without the result being another."""


def inputs_digest(step: StepBase, contexts: Mapping[str, object], *, beside: object = None) -> str:
    """Return a digest of what a job is given, its expressions evaluated; empty where one has no value.

    Args:
        step: The job's step.
        contexts: What its expressions read.
        beside: What it depends on beside its step: a plan's digest, a commit, a file.
    """
    try:
        given = render(step.model_dump(mode="json", exclude=_WHEN_AND_HOW), contexts)
    except ExpressionError:
        return ""
    return plan_digest([given, beside])


def kept(state: PipelineState, pipeline: CompiledPipeline, *, from_step: str | None = None) -> PipelineState:
    """Return what a new start may keep of a pipeline that has ended.

    What was undone, well or not, is done again, with everything after it; so is what stands behind
    ``from_step``. What of pipelines that its jobs ran is kept, they find out themselves when they start.

    Args:
        state: Where the old one stood at its end.
        pipeline: What is started now; its file may have been edited.
        from_step: A step that is done again whatever its result was.

    Raises:
        UsageError: There is no such step.
    """
    names = [step.name for step in pipeline.steps]
    if from_step is not None and from_step not in names:
        near = did_you_mean(from_step, names)
        msg = f"the pipeline has no step {from_step!r}{near}"
        raise UsageError(msg, hint=f"its steps are {', '.join(names[:30])}")
    undone = {one.job_key for one in state.compensations}
    again = {step.name for step in pipeline.steps if undone.intersection(job.key for job in step.jobs)}
    again |= {from_step} if from_step is not None else set()
    for step in pipeline.steps:
        if again.intersection(step.needs):
            again.add(step.name)
    stay = {job.key for step in pipeline.steps if step.name not in again for job in step.jobs}
    results = {
        key: result
        for key, result in state.sequencer.results.items()
        if key in stay and result.conclusion is Conclusion.SUCCESS
    }
    return PipelineState(
        sequencer=state.sequencer.model_copy(update={"results": results, "started": (), "cancelled": False}),
        jobs=tuple(row for row in state.jobs if row.key in results),
        below={key: one for key, one in state.below.items() if key in stay},
    )


def files_below(path: str, files: Mapping[str, PipelineFile]) -> dict[str, PipelineFile]:
    """Return the file that a step names, and those that its own steps name, and so on."""
    found: dict[str, PipelineFile] = {}
    names = [path]
    while names:
        name = names.pop()
        if name in files and name not in found:
            found[name] = files[name]
            steps = files[name].steps.values()
            names += [step.pipeline for step in steps if isinstance(step, PipelineStep)]
    return dict(sorted(found.items()))
