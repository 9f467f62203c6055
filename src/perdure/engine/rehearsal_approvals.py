"""Decides the approvals of a rehearsal by its rules, as people would: with quorum, teams and form."""

import asyncio
from collections.abc import Mapping
from typing import Final

from temporalio.client import Client

from perdure.engine.approvals import ApprovalHandle, get_approval, local_decision
from perdure.errors import ApprovalNotKnownError, DecisionRefusedError, EngineError
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import Verdict
from perdure.model.forms import FormField, FormValue
from perdure.model.typed_values import ValueType
from perdure.pipeline.plan import Plan
from perdure.pipeline.scenario import Answer, Decided, Scenario

_LOOK_SECONDS: Final = 0.25
_COMMENT: Final = "by the rehearsal's rules"
_MOST: Final = 100


async def decide_all(client: Client, pipeline_id: str, plan: Plan, scenario: Scenario) -> None:
    """Decide every approval of a plan as it comes up, until cancelled."""
    await asyncio.gather(
        *(
            _decide(get_approval(client, f"{pipeline_id}/{asked.key}"), scenario.of_approval(asked.key))
            for asked in plan.approvals
        )
    )


def form_of(fields: Mapping[str, FormField], given: Mapping[str, FormValue]) -> dict[str, FormValue]:
    """Fill in a form: with what is given, else with the default, else with the smallest that is allowed."""
    return {name: given[name] if name in given else _value(field) for name, field in fields.items()}


def who_decides(progress: ApprovalProgress) -> str:
    """Return somebody who may decide next: an approver by name, else a member of a team."""
    decided = {one.approver.login.casefold() for one in progress.decisions}
    logins = [name for name in progress.approvers if not name.startswith("team:")]
    free = [name for name in logins if name.casefold() not in decided]
    stand_ins = (f"stand-in-{number}" for number in range(1, _MOST + 2))
    return free[0] if free else next(name for name in stand_ins if name not in decided)


async def _decide(approval: ApprovalHandle, decided: Decided) -> None:
    if decided.answer is Answer.EXPIRE:
        return
    verdict = Verdict.APPROVED if decided.answer is Answer.APPROVE else Verdict.REJECTED
    while True:
        try:
            progress = await approval.progress()
            if progress.result is not None or progress.cancelled:
                return
            if progress.waiting_on and len(progress.decisions) < _MOST:
                form = form_of(progress.request.form, decided.form)
                await approval.decide(
                    local_decision(progress, who_decides(progress), verdict, comment=_COMMENT, form=form)
                )
                continue
        except DecisionRefusedError:
            # Nobody else may: it is seen in the report that the approval was not given.
            return
        except (ApprovalNotKnownError, EngineError):
            # Not asked yet, or the engine is busy.
            pass
        await asyncio.sleep(_LOOK_SECONDS)


def _value(field: FormField) -> FormValue:
    if field.default is not None:
        return field.default
    match field.type:
        case ValueType.CHOICE:
            return field.options[0]
        case ValueType.BOOLEAN:
            return False
        case ValueType.INTEGER:
            return int(field.minimum or 0)
        case ValueType.NUMBER:
            return float(field.minimum or 0)
        case _:
            return "x" * (field.min_length or 1)
