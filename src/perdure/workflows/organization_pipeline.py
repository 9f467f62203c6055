"""Does the same work for every repository of an organisation."""

from temporalio import workflow

from perdure.workflows._fleet import Fleet, FleetMessages, run_fleet

with workflow.unsafe.imports_passed_through():
    from perdure.model.fleet_progress import FleetResult, FleetState, OrganizationInput


@workflow.defn
class OrganizationPipelineWorkflow(FleetMessages):
    """Runs a child for each repository of an organisation, on the task queue of the organisation's tier.

    A child is started once; whether it is tried again is for the fleet's owner to decide. Those who share a
    queue get turns: an organisation with ten thousand repositories does not keep one with ten waiting.
    Ends, and is told things, as :class:`ChunkedProcessorWorkflow`.
    """

    @workflow.init
    def __init__(self, input: OrganizationInput) -> None:
        """Begin, or go on where an earlier history stopped."""
        self._fleet = Fleet(input.as_fleet())

    @workflow.run
    async def run(self, input: OrganizationInput) -> FleetResult:
        """Go through the repositories to their end."""
        ended = await run_fleet(self._fleet)
        if isinstance(ended, FleetState):
            workflow.continue_as_new(input.model_copy(update={"state": ended}))
        return ended
