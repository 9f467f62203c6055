"""Checks files: from workflows to findings."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perdure.checks.determinism.bodies import Body
from perdure.checks.determinism.calls import Calls
from perdure.checks.determinism.configuration import Configuration
from perdure.checks.determinism.declarations import Declarations
from perdure.checks.determinism.discovery import Discovery, Handler, Kind, Workflow
from perdure.checks.determinism.exemptions import exempts, without_reason
from perdure.checks.determinism.failure_rules import Escape, Failures
from perdure.checks.determinism.findings import Finding, Hazard, Place, Step
from perdure.checks.determinism.import_rules import ImportRules
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.library_rules import LibraryRules
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.order_rules import OrderRules
from perdure.checks.determinism.overrides import Overrides
from perdure.checks.determinism.registered import registered_failures
from perdure.checks.determinism.state_rules import StateRules
from perdure.checks.determinism.symbols import Module, Scope
from perdure.checks.determinism.temporal_rules import TemporalRules, of_definition
from perdure.checks.determinism.walking import Key, Visit, Walk, place_of, steps
from perdure.errors import SettingsError

_REJECTING = {Kind.QUERY, Kind.VALIDATOR, Kind.AROUND}
"""Functions whose exceptions go to whoever asked or called, and fail nothing by themselves."""


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        findings: By place.
        workflows: How many workflows there are.
        functions: How many functions they reach.
        files: How many files had to be read, libraries' too.
        unreadable: Files of the project that are no Python: path, line and reason.
    """

    findings: tuple[Finding, ...]
    workflows: int
    functions: int
    files: int
    unreadable: tuple[tuple[str, int, str], ...] = ()


def check(paths: Sequence[Path], configuration: Configuration) -> tuple[Report, Modules]:
    """Check the workflows in files and folders.

    Args:
        paths: Where workflows are looked for. What they call is found wherever it is.
        configuration: What the project declares.

    Returns:
        What was found, and the modules that it depends on.
    """
    modules = Modules(paths, excluded=configuration.excluded)
    run = _Run(modules, configuration)
    findings = sorted(run.findings(), key=lambda finding: (finding.place, finding.rule_id))
    return (
        Report(
            tuple(findings),
            run.workflows,
            run.functions,
            len(modules.digests),
            tuple(sorted(set(modules.unreadable))),
        ),
        modules,
    )


class _Run:
    """One check, with everything that it needs."""

    def __init__(self, modules: Modules, configuration: Configuration) -> None:
        declarations = Declarations(deny=configuration.deny, allow=configuration.allow)
        inference = Inference(modules, declarations)
        self._modules = modules
        self._configuration = configuration
        self._inference = inference
        self._discovery = Discovery(modules, inference)
        self._calls = Calls(inference, Overrides(inference, modules))
        self._walk = Walk(
            self._calls,
            follow_unrestricted=configuration.follow_unrestricted,
            allowed=configuration.allow,
        )
        self._failures = Failures(inference, self._calls)
        self._library = LibraryRules(inference, declarations)
        self._own = (
            OrderRules(inference),
            StateRules(inference),
            TemporalRules(inference),
            ImportRules(inference, self._library),
        )
        self._found: dict[tuple[str, Place], Finding] = {}
        self._of_libraries: dict[Key, tuple[Hazard, ...]] = {}
        self._reached: set[int] = set()
        self.workflows = 0

    @property
    def functions(self) -> int:
        """How many functions workflows reach."""
        return len(self._reached)

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, each place once for each rule."""
        registered = {*registered_failures(self._modules, self._inference), *self._configuration.failures}
        seen: dict[str, Module] = {}
        for workflow in self._discovery.workflows():
            self.workflows += workflow.decorator is not None
            handlers = list(self._discovery.handlers(workflow))
            self._definition(workflow, handlers)
            for handler in handlers:
                self._handler(handler, seen)
                if handler.kind not in _REJECTING:
                    self._failing(handler, workflow, registered)
        for root in self._roots():
            self._handler(root, seen)
        for module in seen.values():
            for line in without_reason(module):
                self._add("exemption", Place(module.shown, line), "lets a line through", module.name, ())
        yield from (
            finding for finding in self._found.values() if finding.rule_id not in self._configuration.skip
        )

    def _roots(self) -> Iterator[Handler]:
        """Yield the functions that the settings name: what a library offers to workflows of other people.

        Raises:
            SettingsError: If there is none of that name.
        """
        for name in self._configuration.roots:
            found = list(self._discovery.named(name))
            if not found:
                raise SettingsError(f"roots: there is no function or class {name}")
            yield from found

    def _handler(self, handler: Handler, seen: dict[str, Module]) -> None:
        for visit, body in self._walk.visits([(handler.function, handler.receiver)]):
            self._reached.add(id(visit.function))
            module = visit.function.module
            if module.own:
                seen[module.shown] = module
            for hazard in self._hazards(body, visit):
                self._report(hazard, visit, handler)

    def _hazards(self, body: Body, visit: Visit) -> Iterable[Hazard]:
        if visit.function.module.own:
            return (
                hazard for rules in (self._library, *self._own) for hazard in rules.hazards(body, visit.scope)
            )
        if visit.key not in self._of_libraries:
            self._of_libraries[visit.key] = tuple(self._library.hazards(body, visit.scope))
        return self._of_libraries[visit.key]

    def _report(self, hazard: Hazard, visit: Visit, handler: Handler) -> None:
        """Keep a hazard where the project can do something about it: at its last own line on the way."""
        place = place_of(visit.function, hazard.node)
        for at in reversed(visit.way):
            if at.function.module.own:
                break
            if at.caller is not None and at.at is not None:
                place = place_of(at.caller.function, at.at)
        self._add(hazard.rule, place, hazard.what, _name(handler), steps(visit, hazard.node))

    def _failing(self, handler: Handler, workflow: Workflow, registered: set[str]) -> None:
        registered = registered | self._own_failures(workflow)
        for escape in self._failures.leaving(handler.function, workflow.of):
            if registered & set(escape.kinds) or self._let_through(escape):
                continue
            function, node = escape.way[-1]
            chain = tuple(Step(each.name, place_of(each, at)) for each, at in escape.way)
            self._add(escape.rule, place_of(function, node), escape.what, _name(handler), chain)

    def _let_through(self, escape: Escape) -> bool:
        return any(exempts(function.module, node) for function, node in escape.way)

    def _own_failures(self, workflow: Workflow) -> set[str]:
        named = workflow.option("failure_exception_types")
        if not isinstance(named, ast.List | ast.Tuple):
            return set()
        scope = Scope(workflow.of.module, workflow.of.parent)
        return {
            kind
            for element in named.elts
            for value in self._inference.of(element, scope)
            for kind in self._failures.kinds_of(value)[:1]
        }

    def _definition(self, workflow: Workflow, handlers: list[Handler]) -> None:
        module = workflow.of.module
        for hazard in of_definition(workflow, handlers, self._inference):
            if not exempts(module, hazard.node):
                place = Place(
                    module.shown, getattr(hazard.node, "lineno", 1), getattr(hazard.node, "col_offset", 0) + 1
                )
                name = getattr(hazard.node, "name", "") if hazard.rule == "signal-arguments" else ""
                shown = f"{workflow.of.name}.{name}" if name else workflow.of.name
                self._add(hazard.rule, place, hazard.what, shown, ())

    def _add(self, rule: str, place: Place, what: str, workflow: str, chain: tuple[Step, ...]) -> None:
        known = self._found.get((rule, place))
        if known is None:
            self._found[rule, place] = Finding(rule, place, what, workflow, chain)
        elif known.workflow != workflow:
            shorter = Finding(rule, place, what, workflow, chain) if len(chain) < len(known.chain) else known
            self._found[rule, place] = replace(shorter, others=known.others + 1)


def _name(handler: Handler) -> str:
    if handler.workflow is None:
        return handler.function.name
    return f"{handler.workflow.of.name}.{handler.function.name.rpartition('.')[2]}"
