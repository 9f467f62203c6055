"""The inputs that a workflow file declares, and GitHub's refusals of those that a caller sends."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from perdure.emulator.execution.errors import DispatchRefusedError
from perdure.emulator.execution.expressions import to_number, to_text
from perdure.emulator.execution.yaml_text import YamlMapping, YamlSequence

TYPES = ("string", "boolean", "number", "choice", "environment")
MAX_CHARACTERS = 65_535


@dataclass(frozen=True, kw_only=True)
class DispatchInput:
    """One of ``on.workflow_dispatch.inputs``.

    Attributes:
        default: ``None`` where the file gives none.
        type: ``string``, ``boolean``, ``number``, ``choice`` or ``environment``.
        options: The values allowed for a ``choice``.
    """

    name: str
    description: str
    required: bool
    default: str | None
    type: str
    options: tuple[str, ...]


def read_inputs(declared: object, owner: YamlMapping) -> dict[str, DispatchInput]:
    """Read the ``inputs`` of a trigger.

    Raises:
        WorkflowFileError: They are not declared as GitHub allows.
    """
    if declared is None:
        return {}
    if not isinstance(declared, YamlMapping):
        raise owner.value_places["inputs"].error("A mapping was expected")
    return {name: _read_input(name, value, declared) for name, value in declared.items()}


def _read_input(name: str, value: object, owner: YamlMapping) -> DispatchInput:
    declared = value if value is not None else YamlMapping(owner.place)
    if not isinstance(declared, YamlMapping):
        raise owner.value_places[name].error("A mapping was expected")
    for key in declared:
        if key not in ("description", "required", "default", "type", "options", "deprecationMessage"):
            raise declared.key_places[key].error(f"Unexpected value '{key}'")
    kind = to_text(declared.get("type", "string"))
    if kind not in TYPES:
        raise declared.value_places["type"].error(f"Unexpected value '{kind}'")
    options = declared.get("options")
    if options is not None and not isinstance(options, YamlSequence):
        raise declared.value_places["options"].error("A sequence was expected")
    if kind == "choice" and not options:
        raise owner.value_places[name].error("Required property is missing: options")
    default = declared.get("default")
    return DispatchInput(
        name=name,
        description=to_text(declared.get("description")),
        required=declared.get("required") is True,
        default=None if default is None else to_text(default),
        type=kind,
        options=tuple(to_text(option) for option in options or ()),
    )


def check_inputs(
    declared: Mapping[str, DispatchInput], given: Mapping[str, object], *, max_inputs: int
) -> dict[str, str]:
    """Refuse what GitHub refuses, and fill in what it fills in.

    Raises:
        DispatchRefusedError: With the text of GitHub's 422.
    """
    if len(given) > max_inputs:
        raise DispatchRefusedError(
            "Invalid request.\n\n"
            f"No more than {max_inputs} properties are allowed; {len(given)} were supplied."
        )
    texts = {name: _text_of(name, value) for name, value in given.items()}
    if sum(len(name) + len(text) for name, text in texts.items()) > MAX_CHARACTERS:
        raise DispatchRefusedError("inputs are too large.")
    unexpected = [name for name in texts if name not in declared]
    if unexpected:
        raise DispatchRefusedError(
            f"Unexpected inputs provided: {json.dumps(unexpected, ensure_ascii=False)}"
        )
    return {name: _checked(declaration, texts.get(name)) for name, declaration in declared.items()}


def _text_of(name: str, value: object) -> str:
    if value is None or isinstance(value, str | bool | int | float):
        return to_text(value)
    shown = json.dumps(value, default=str)
    raise DispatchRefusedError(
        f"Invalid request.\n\nFor 'properties/inputs/{name}', {shown} is not a string."
    )


def _checked(declared: DispatchInput, given: str | None) -> str:
    if declared.required and not given and not declared.default:
        raise DispatchRefusedError(f"Required input '{declared.name}' not provided")
    if given is None:
        if declared.default is not None:
            return declared.default
        return "false" if declared.type == "boolean" else ""
    if not _allowed(declared, given):
        raise DispatchRefusedError(
            f"Provided value '{given}' for input '{declared.name}' not in the list of allowed values"
        )
    return given


def _allowed(declared: DispatchInput, given: str) -> bool:
    if declared.type == "choice":
        return given in declared.options
    if declared.type == "boolean":
        return given.lower() in ("true", "false")
    if declared.type == "number":
        return not math.isnan(to_number(given))
    return True


def typed_inputs(declared: Mapping[str, DispatchInput], texts: Mapping[str, str]) -> dict[str, object]:
    """Make the ``inputs`` context, in which booleans and numbers are what they say.

    ``github.event.inputs`` keeps the texts:
    https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#inputs-context
    """
    return {name: _typed(declared.get(name), text) for name, text in texts.items()}


def _typed(declared: DispatchInput | None, text: str) -> object:
    kind = declared.type if declared else "string"
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "number":
        return to_number(text) if text else None
    return text
