"""What ``own_workflows`` may become: patches before and after the place where workflows wait."""

from datetime import timedelta

from temporalio import workflow


@workflow.defn(name="Parcel")
class ParcelOfTomorrow:
    """Weighs before it packs, and says so after it was told to go."""

    def __init__(self) -> None:
        self.may_go = False

    @workflow.signal
    def go(self) -> None:
        self.may_go = True

    @workflow.run
    async def run(self, what: str) -> str:
        workflow.deprecate_patch("own-2")
        if workflow.patched("own-3"):
            await workflow.execute_activity("weigh", what, start_to_close_timeout=timedelta(seconds=20))
        packed: str = await workflow.execute_activity(
            "pack", what, start_to_close_timeout=timedelta(seconds=20)
        )
        await workflow.wait_condition(lambda: self.may_go)
        if workflow.patched("own-4"):
            await workflow.execute_activity("tell", what, start_to_close_timeout=timedelta(seconds=20))
        return packed
