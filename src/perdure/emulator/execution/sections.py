"""Reads parts of a file with GitHub's complaints: unexpected keys, wrong kinds, unknown names."""

from collections.abc import Collection

from perdure.emulator.execution.errors import ExpressionError, WorkflowFileError
from perdure.emulator.execution.expressions import check, check_condition
from perdure.emulator.execution.yaml_text import Place, YamlMapping

# Which contexts may be named where:
# https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability
RUN_NAMES = frozenset({"github", "inputs", "vars"})
WORKFLOW_ENV_NAMES = RUN_NAMES | {"secrets"}
JOB_CONDITION_NAMES = RUN_NAMES | {"needs"}
JOB_NAMES = JOB_CONDITION_NAMES | {"strategy", "matrix"}
JOB_ENV_NAMES = JOB_NAMES | {"secrets"}
DEFAULTS_NAMES = JOB_NAMES | {"env"}
STEP_CONDITION_NAMES = DEFAULTS_NAMES | {"job", "runner", "steps"}
STEP_NAMES = STEP_CONDITION_NAMES | {"secrets"}
CALL_OUTPUT_NAMES = RUN_NAMES | {"jobs"}
STEP_FUNCTIONS = ("hashfiles",)


def section(value: object, place: Place, allowed: Collection[str] | None = None) -> YamlMapping:
    """Take a value as a mapping with none but the allowed keys; nothing counts as an empty one.

    Raises:
        WorkflowFileError: It is something else, or has another key.
    """
    if value is None:
        return YamlMapping(place)
    if not isinstance(value, YamlMapping):
        raise place.error("A mapping was expected")
    for key in value if allowed is not None else ():
        if key not in (allowed or ()):
            raise value.key_places[key].error(f"Unexpected value '{key}'")
    return value


def subsection(owner: YamlMapping, key: str, allowed: Collection[str] | None = None) -> YamlMapping:
    """Take the value of a key as :py:func:`section` does."""
    return section(owner.get(key), owner.value_places.get(key, owner.place), allowed)


def text_of(owner: YamlMapping, key: str) -> str | None:
    """Take a value that has to be a text.

    Raises:
        WorkflowFileError: It is a mapping or a sequence.
    """
    value = owner.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise owner.value_places[key].error("A scalar was expected")
    return str(value)


def template(owner: YamlMapping, key: str, names: Collection[str], functions: Collection[str] = ()) -> object:
    """Take a value in which expressions may stand, and check what they name.

    Raises:
        WorkflowFileError: An expression is none, or names what is not there.
    """
    value = owner.get(key)
    try:
        check(value, names, functions)
    except ExpressionError as error:
        raise _misplaced(owner, key, error) from None
    return value


def condition(owner: YamlMapping, names: Collection[str], functions: Collection[str] = ()) -> object:
    """Take the ``if`` of a job or a step, as :py:func:`template` does."""
    value = owner.get("if")
    try:
        check_condition(value, names, functions)
    except ExpressionError as error:
        raise _misplaced(owner, "if", error) from None
    return value


def _misplaced(owner: YamlMapping, key: str, error: ExpressionError) -> WorkflowFileError:
    return owner.value_places[key].error(str(error))
