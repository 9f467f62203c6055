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
    from perdure.model.approvals import ApprovalResult, OnTimeout, Person, Reason, Verdict
    from perdure.model.fleet import OrganizationItems, PagedItems, Work
    from perdure.model.fleet_progress import AlertTarget, FleetConclusion, FleetResult
    from perdure.model.forms import FormField, FormFieldType
    from perdure.model.locks import LockPolicy
    from perdure.workflows.building_blocks import (
        ActionOptions,
        ApprovalOptions,
        request_approval,
        run_action,
    )
    from perdure.workflows.compensating import CompensationOutcome, Compensations, compensations
    from perdure.workflows.fleet import FleetWorkOptions, fleet
    from perdure.workflows.gathering import gather_bounded
    from perdure.workflows.locking import lock

__all__ = [
    "ActionOptions",
    "ActionResult",
    "ActionRetry",
    "AlertTarget",
    "ApprovalOptions",
    "ApprovalResult",
    "CompensationOutcome",
    "Compensations",
    "FleetConclusion",
    "FleetResult",
    "FleetWorkOptions",
    "FormField",
    "FormFieldType",
    "LockPolicy",
    "OnAmbiguity",
    "OnTimeout",
    "OrganizationItems",
    "PagedItems",
    "Person",
    "Reason",
    "RetryBy",
    "RetryOn",
    "Verdict",
    "WaitBy",
    "Work",
    "compensations",
    "fleet",
    "gather_bounded",
    "lock",
    "request_approval",
    "run_action",
]
