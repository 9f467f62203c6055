"""Expands ``strategy.matrix`` into the instances of a job.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
"""

import itertools
from collections.abc import Mapping, Sequence

from perdure.emulator.execution.errors import WorkflowFileError
from perdure.emulator.execution.expressions import to_text

MAX_INSTANCES = 256


def expand(matrix: object) -> list[dict[str, object]]:
    """List the combinations of a matrix, its expressions already evaluated.

    Raises:
        WorkflowFileError: It is no matrix, holds nothing, or more than 256 combinations.
    """
    if not isinstance(matrix, Mapping):
        raise WorkflowFileError("Matrix must be a mapping")
    axes = {key: _sequence(key, value) for key, value in matrix.items() if key not in ("include", "exclude")}
    size = 1
    for values in axes.values():
        size *= len(values)
    _refuse_size(size)
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    combinations = combinations if axes else []
    excluded = [_combination("exclude", item) for item in _sequence("exclude", matrix.get("exclude") or [])]
    kept = [one for one in combinations if not any(_covers(one, item) for item in excluded)]
    expanded = _with_included(kept, axes, _sequence("include", matrix.get("include") or []))
    _refuse_size(len(expanded))
    if not expanded:
        raise WorkflowFileError("Matrix vector does not contain any values")
    return expanded


def _refuse_size(size: int) -> None:
    if size > MAX_INSTANCES:
        raise WorkflowFileError(f"Matrix exceeds the maximum of {MAX_INSTANCES} combinations: {size}")


def _sequence(key: str, value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise WorkflowFileError(f"Matrix vector '{key}' must be a sequence")
    if not value and key not in ("include", "exclude"):
        raise WorkflowFileError(f"Matrix vector '{key}' does not contain any values")
    return value


def _combination(key: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise WorkflowFileError(f"Matrix '{key}' must hold mappings")
    return value


def _covers(combination: Mapping[str, object], pattern: Mapping[str, object]) -> bool:
    return all(key in combination and _same(combination[key], value) for key, value in pattern.items())


def _same(value: object, pattern: object) -> bool:
    if isinstance(value, Mapping) and isinstance(pattern, Mapping):
        return _covers(value, pattern)
    if isinstance(value, list | tuple | Mapping) or isinstance(pattern, list | tuple | Mapping):
        return value == pattern
    return to_text(value) == to_text(pattern)


def _with_included(
    combinations: list[dict[str, object]], axes: Mapping[str, object], included: Sequence[object]
) -> list[dict[str, object]]:
    # An entry joins every combination whose original values it does not change; else it stands alone.
    added: list[dict[str, object]] = []
    for item in included:
        entry = _combination("include", item)
        original = {key: value for key, value in entry.items() if key in axes}
        joined = [one for one in combinations if _covers(one, original)]
        for one in joined:
            one.update(entry)
        if not joined:
            added.append(dict(entry))
    return combinations + added


def label(combination: Mapping[str, object]) -> str:
    """Name a combination as GitHub does behind a job's name: its values, nested ones too."""
    return ", ".join(text for value in combination.values() for text in _leaves(value))


def _leaves(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _leaves(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _leaves(item)]
    return [to_text(value)]
