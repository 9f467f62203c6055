"""When a pipeline's history has to be cut.

A history can be cut only while nothing runs: the engine applies the parent close policy when a workflow
continues as new, so that running children would be cancelled, and a running activity would be lost. So a
pipeline waits for a moment when nothing runs, which a busy one has between two steps. A wide one has none for
long: it goes on far beyond what the engine suggests, and only when its history is about to get too large it
makes such a moment, by starting nothing more until what runs has ended.

https://docs.temporal.io/parent-close-policy
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.model.packing import MAX_BYTES
    from perdure.pipeline.running import PipelineInput, SizeLimits


class History:
    """The history of this run of a workflow."""

    def __init__(self, limits: SizeLimits) -> None:
        self._limits = limits
        self._may_be_cut = True

    def wants_cut(self) -> bool:
        """Say whether to go on with a new history as soon as nothing runs."""
        info = workflow.info()
        is_long = info.get_current_history_length() >= self._limits.cut_events
        return self._may_be_cut and (is_long or info.is_continue_as_new_suggested() or self.is_full())

    def is_full(self) -> bool:
        """Say whether nothing more should be started, so that the history can be cut."""
        return self._may_be_cut and self._is_very_long()

    def is_over(self) -> bool:
        """Say whether to give up: the history is about to get too large, and cannot be cut."""
        return not self._may_be_cut and self._is_very_long()

    def takes(self, input: PipelineInput) -> bool:
        """Say whether the engine takes this as the input of the next run; if not, nothing is cut any more."""
        self._may_be_cut = input.packed_size <= MAX_BYTES
        return self._may_be_cut

    def _is_very_long(self) -> bool:
        info = workflow.info()
        return (
            info.get_current_history_length() >= self._limits.hold_events
            or info.get_current_history_size() >= self._limits.hold_bytes
        )
