"""Finds calls of Temporal's own that hurt later, and definitions that do."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.bodies import Body, Site
from perdure.checks.determinism.discovery import Handler, Kind, Workflow
from perdure.checks.determinism.findings import Hazard
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.symbols import Class, FunctionObject, Outside, Scope, inside

_WORKFLOW = "temporalio.workflow."
_ACTIVITIES = {
    f"{_WORKFLOW}{start}_{kind}{form}"
    for start in ("execute", "start")
    for kind in ("activity", "local_activity")
    for form in ("", "_method", "_class")
}
_TIMEOUTS = {"start_to_close_timeout", "schedule_to_close_timeout"}
_AWAITED = {
    *(name for name in _ACTIVITIES if "execute" in name),
    *(
        f"{_WORKFLOW}{name}"
        for name in ("execute_child_workflow", "start_child_workflow", "wait_condition", "sleep")
    ),
    "asyncio.sleep",
    "asyncio.wait_for",
}
_COMMANDS = {
    *(name for name in _ACTIVITIES if "start" in name),
    *(f"{_WORKFLOW}{name}" for name in ("continue_as_new", "upsert_search_attributes", "upsert_memo")),
}
"""What sends a command without being awaited."""


class TemporalRules:
    """Checks one body of the project for wrong use of Temporal."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def hazards(self, body: Body, scope: Scope) -> Iterator[Hazard]:
        """Yield the calls that hurt."""
        for site in body.sites:
            match site.node:
                case ast.Call() as call:
                    yield from self._call(call, site, scope)
                case ast.Expr(value=ast.Call() as call):
                    yield from self._not_awaited(call, scope)
                case ast.Await() if site.replay_only:
                    yield Hazard("replay-branch", site.node, "awaits only where it is (not) replaying")

    def _call(self, call: ast.Call, site: Site, scope: Scope) -> Iterator[Hazard]:
        for callee in self._inference.of(call.func, scope):
            if not isinstance(callee, Outside):
                continue
            name = callee.name.removeprefix("temporalio.")
            if callee.name in _ACTIVITIES and not _given(call, _TIMEOUTS):
                yield Hazard("missing-timeout", call, f"calls {name}() without a time-out")
            if callee.name in _COMMANDS and site.replay_only:
                yield Hazard("replay-branch", call, f"calls {name}() only where it is (not) replaying")

    def _not_awaited(self, call: ast.Call, scope: Scope) -> Iterator[Hazard]:
        for callee in self._inference.of(call.func, scope):
            match callee:
                case Outside(name=name) if name in _AWAITED:
                    yield Hazard(
                        "missing-await", call, f"does not await {name.removeprefix('temporalio.')}()"
                    )
                case FunctionObject(of=function) if function.is_async and not any(
                    isinstance(node, ast.Yield) for node in inside(function.body)
                ):
                    yield Hazard("missing-await", call, f"does not await {function.name}()")


def _given(call: ast.Call, names: set[str]) -> bool:
    return any(keyword.arg is None or keyword.arg in names for keyword in call.keywords)


def of_definition(workflow: Workflow, handlers: list[Handler], inference: Inference) -> Iterator[Hazard]:
    """Yield what hurts in how a workflow is defined."""
    for handler in handlers:
        if handler.kind is Kind.SIGNAL and _required(handler):
            yield Hazard("signal-arguments", handler.function.node, "is a signal with required arguments")
    if isinstance(unsandboxed := workflow.option("sandboxed"), ast.Constant) and not unsandboxed.value:
        return
    for bindings in workflow.of.module.names.values():
        for binding in bindings:
            made = binding.definition
            if isinstance(made, Class) and made is not workflow.of and _is_model(made, inference):
                yield Hazard("workflow-file-model", made.node, f"shares its file with the model {made.name}")


def _required(handler: Handler) -> bool:
    of = handler.function.node.args
    dynamic = any(
        isinstance(decorator, ast.Call) and any(keyword.arg == "dynamic" for keyword in decorator.keywords)
        for decorator in handler.function.decorators
    )
    by_position = len(of.posonlyargs) + len(of.args) - 1 - len(of.defaults)
    return not dynamic and (by_position > 0 or any(default is None for default in of.kw_defaults))


def _is_model(made: Class, inference: Inference) -> bool:
    return any(
        isinstance(above, Outside) and above.name.startswith("pydantic.") for above in inference.line(made)
    )
