"""What people import inside their own workflows.

    from perdure.workflow import run_action

    @workflow.run
    async def run(self, version: str) -> None:
        published = await run_action("acme/library", "publish.yml", inputs={"version": version})

Their worker needs :class:`perdure.PerdurePlugin` on its client.
"""

from temporalio import workflow as _workflow

with _workflow.unsafe.imports_passed_through():
    from perdure.model.actions import ActionResult, ActionRetry, OnAmbiguity, RetryBy, RetryOn, WaitBy
    from perdure.workflows.building_blocks import ActionOptions, run_action

__all__ = [
    "ActionOptions",
    "ActionResult",
    "ActionRetry",
    "OnAmbiguity",
    "RetryBy",
    "RetryOn",
    "WaitBy",
    "run_action",
]
