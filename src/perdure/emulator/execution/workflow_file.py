"""A workflow file: what triggers it, what it asks for, how its runs are called, which jobs it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from perdure.emulator.execution.definitions import JobDefinition, read_jobs, read_workflow_defaults
from perdure.emulator.execution.dispatch_inputs import DispatchInput, check_inputs, read_inputs, typed_inputs
from perdure.emulator.execution.errors import DispatchRefusedError, ExpressionError, WorkflowFileError
from perdure.emulator.execution.expressions import Scope, interpolate, is_true, lookup_text
from perdure.emulator.execution.sections import (
    CALL_OUTPUT_NAMES,
    RUN_NAMES,
    WORKFLOW_ENV_NAMES,
    section,
    subsection,
    template,
    text_of,
)
from perdure.emulator.execution.yaml_text import Place, YamlMapping, YamlSequence, read_yaml

_ROOT_KEYS = frozenset({"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"})


@dataclass(frozen=True, kw_only=True)
class CallInterface:
    """What ``on.workflow_call`` declares for those who call the file.

    Attributes:
        inputs: By name, with their types.
        outputs: The expression behind each output.
    """

    inputs: Mapping[str, DispatchInput] = field(default_factory=dict)
    outputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkflowFile:
    """A file that GitHub would run.

    Attributes:
        triggers: The events of ``on``.
        dispatch_inputs: Inputs of ``workflow_dispatch``; ``None`` where the file has no such trigger.
        call: Inputs and outputs of ``workflow_call``; ``None`` where the file cannot be called.
        concurrency: As written: ``None``, a group, or a mapping; see :py:meth:`concurrency_group`.
    """

    name: str | None
    run_name: str | None
    triggers: tuple[str, ...]
    dispatch_inputs: dict[str, DispatchInput] | None
    call: CallInterface | None
    concurrency: object
    env: object
    run_defaults: object
    jobs: Mapping[str, JobDefinition]

    @classmethod
    def parse(cls, text: str) -> "WorkflowFile":
        """Read and check a file.

        Raises:
            WorkflowFileError: GitHub would refuse it; a run of it ends as ``startup_failure``.
        """
        return _parse(text)

    def check_dispatch(self, inputs: Mapping[str, object], *, max_inputs: int = 25) -> dict[str, str]:
        """Validate the inputs of a dispatch as GitHub does, and fill in defaults.

        Raises:
            DispatchRefusedError: With the text of GitHub's 422.
        """
        if self.dispatch_inputs is None:
            raise DispatchRefusedError("Workflow does not have 'workflow_dispatch' trigger")
        return check_inputs(self.dispatch_inputs, inputs, max_inputs=max_inputs)

    def input_values(self, texts: Mapping[str, str]) -> dict[str, object]:
        """Make the ``inputs`` context from the texts of a dispatch."""
        return typed_inputs(self.dispatch_inputs or {}, texts)

    def title(self, contexts: Mapping[str, object]) -> str:
        """Evaluate ``run-name``; without one a run is called like its workflow, or like the file.

        Raises:
            WorkflowFileError: The expression fails, for which GitHub does not start the run.
        """
        if self.run_name is not None:
            title = _evaluated(self.run_name, contexts).strip()
            if title:
                return title
        return self.name or lookup_text(contexts, "github", "workflow")

    def concurrency_group(self, contexts: Mapping[str, object]) -> tuple[str, bool] | None:
        """Evaluate ``concurrency``: its group, and whether what runs there is cancelled.

        Raises:
            WorkflowFileError: An expression fails.
        """
        if self.concurrency is None:
            return None
        if not isinstance(self.concurrency, YamlMapping):
            return _evaluated(self.concurrency, contexts), False
        cancel = _evaluated(self.concurrency.get("cancel-in-progress", False), contexts)
        return _evaluated(self.concurrency.get("group"), contexts), cancel == "true"


def _evaluated(value: object, contexts: Mapping[str, object]) -> str:
    try:
        return interpolate(value, Scope(contexts=contexts))
    except ExpressionError as error:
        raise WorkflowFileError(str(error)) from None


@lru_cache(maxsize=64)
def _parse(text: str) -> WorkflowFile:
    root = section(read_yaml(text), Place(1, 1), _ROOT_KEYS)
    if "on" not in root:
        raise WorkflowFileError("No event triggers defined in `on`")
    triggers = _read_triggers(root)
    dispatch, call = triggers.get("workflow_dispatch"), triggers.get("workflow_call")
    concurrency = template(root, "concurrency", RUN_NAMES)
    if isinstance(concurrency, YamlMapping):
        section(concurrency, concurrency.place, ("group", "cancel-in-progress", "queue"))
        if concurrency.get("group") is None:
            raise concurrency.place.error("Required property is missing: group")
    template(root, "run-name", RUN_NAMES)
    return WorkflowFile(
        name=text_of(root, "name"),
        run_name=text_of(root, "run-name"),
        triggers=tuple(triggers),
        dispatch_inputs=None if dispatch is None else read_inputs(dispatch.get("inputs"), dispatch),
        call=None if call is None else _read_call(call),
        concurrency=concurrency,
        env=template(root, "env", WORKFLOW_ENV_NAMES),
        run_defaults=read_workflow_defaults(root),
        jobs=read_jobs(root),
    )


def _read_triggers(root: YamlMapping) -> dict[str, YamlMapping]:
    declared, place = root["on"], root.value_places["on"]
    if isinstance(declared, str):
        return {declared: YamlMapping(place)}
    if isinstance(declared, YamlSequence):
        return {str(event): YamlMapping(place) for event in declared}
    if not isinstance(declared, YamlMapping):
        raise place.error("No event triggers defined in `on`")
    # Some events take a sequence (`schedule`), which nothing here looks into.
    return {
        event: value if isinstance(value, YamlMapping) else YamlMapping(declared.value_places[event])
        for event, value in declared.items()
    }


def _read_call(call: YamlMapping) -> CallInterface:
    section(call, call.place, ("inputs", "outputs", "secrets"))
    outputs = subsection(call, "outputs")
    values: dict[str, object] = {}
    for name in outputs:
        output = subsection(outputs, name, ("description", "value"))
        values[name] = template(output, "value", CALL_OUTPUT_NAMES)
    return CallInterface(inputs=read_inputs(call.get("inputs"), call), outputs=values)


def is_enabled(value: object, scope: Scope) -> bool:
    """Evaluate a switch such as ``continue-on-error``."""
    return interpolate(value, scope) == "true" if isinstance(value, str) else is_true(value)
