"""Does the same work for any number of items."""

from temporalio import workflow

from perdure.workflows._fleet import Fleet, FleetMessages, run_fleet

with workflow.unsafe.imports_passed_through():
    from perdure.model.fleet_progress import FleetInput, FleetResult, FleetState


@workflow.defn
class ChunkedProcessorWorkflow(FleetMessages):
    """Does the work of every item of a list, at most ``max_parallel`` of them at once.

    Ends when every item has ended; how many may fail is the input's to say, and its result says who did.
    Never holds more of the list than two chunks, and begins a new history before the old one grows too long.
    Messages: the signals ``pause`` and ``resume``, the queries ``progress`` and ``state``. A cancellation
    begins nothing more, asks what runs to end, and waits for that no longer than ``cancel_timeout``. Survives
    the loss of worker and engine at any moment: nothing that has ended is done again.
    """

    @workflow.init
    def __init__(self, input: FleetInput) -> None:
        """Begin, or go on where an earlier history stopped."""
        self._fleet = Fleet(input)

    @workflow.run
    async def run(self, input: FleetInput) -> FleetResult:
        """Go through the list to its end."""
        ended = await run_fleet(self._fleet)
        if isinstance(ended, FleetState):
            workflow.continue_as_new(input.model_copy(update={"state": ended}))
        return ended
