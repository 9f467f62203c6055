"""Reaches the workers' store for somebody who is elsewhere."""

from temporalio import workflow

from perdure.workflows import _fleet_calls

with workflow.unsafe.imports_passed_through():
    from perdure.activities.fleet import KeepItemsInput, ReadResultsInput, ResultsBatch
    from perdure.model.actions import StoredObject
    from perdure.model.base import Model
    from perdure.model.fleet import StoredIndex


# deterministic: one workflow for a whole page of a list, so few sandboxes build it again
class FleetStoreInput(Model):
    """Input of :class:`FleetStoreWorkflow`: one of these.

    Attributes:
        items: A page of a list that is kept.
        index: Where a list's pages are, which is kept.
        results: Where results are read.
    """

    items: KeepItemsInput | None = None
    index: StoredIndex | None = None
    results: StoredObject | None = None


# deterministic: as above
class FleetStoreResult(Model):
    """What was kept, or what was read."""

    stored: StoredObject | None = None
    batch: ResultsBatch | None = None


@workflow.defn
class FleetStoreWorkflow:
    """Keeps a part of a list, or reads some results, where the workers are.

    A command line need not run on a machine that sees the workers' store. Ends at once; may be repeated.
    """

    @workflow.run
    async def run(self, input: FleetStoreInput) -> FleetStoreResult:
        """Do what is asked."""
        if input.items is not None:
            return FleetStoreResult(stored=await _fleet_calls.keep_items(input.items))
        if input.index is not None:
            return FleetStoreResult(stored=await _fleet_calls.keep_index(input.index))
        if input.results is not None:
            return FleetStoreResult(
                batch=await _fleet_calls.read_results(ReadResultsInput(results=input.results))
            )
        return FleetStoreResult()
