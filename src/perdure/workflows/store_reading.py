"""Reads the workers' store for somebody who is elsewhere."""

from temporalio import workflow

from perdure.workflows import _calls

with workflow.unsafe.imports_passed_through():
    from perdure.activities.store_reading import ReadStoredInput, StoredPart


@workflow.defn
class ReadStoredWorkflow:
    """Reads a part of an object where the workers are.

    A command line need not run on a machine that sees the workers' store. Takes no messages, ends at once,
    and may be repeated.
    """

    @workflow.run
    async def run(self, input: ReadStoredInput) -> StoredPart:
        """Read the part."""
        return await _calls.read_stored(input)
