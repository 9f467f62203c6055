"""Expands a matrix into its combinations, as GitHub does.

https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
"""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from typing import Final

from perdure.model.typed_values import Value
from perdure.pipeline.steps import Matrix
from perdure.pipeline.templates import text_of

MAX_COMBINATIONS: Final = 1000

Combination = dict[str, Value]


def expand(matrix: Matrix) -> list[Combination]:
    """Return every combination in order.

    Raises:
        ValueError: There are none, or more than 1,000.
    """
    size = 1
    for values in matrix.axes.values():
        size *= len(values)
    if size <= MAX_COMBINATIONS:
        products = itertools.product(*matrix.axes.values()) if matrix.axes else ()
        combinations: list[Combination] = [dict(zip(matrix.axes, one, strict=True)) for one in products]
        kept = [one for one in combinations if not any(_covers(one, item) for item in matrix.exclude)]
        combinations = _with_included(kept, matrix)
        size = len(combinations)
    if size > MAX_COMBINATIONS:
        msg = f"has {size} combinations, and at most {MAX_COMBINATIONS} are allowed"
        raise ValueError(msg)
    if not combinations:
        msg = "has no combination left: name a list of values, and do not exclude all of them"
        raise ValueError(msg)
    return combinations


def _covers(combination: Mapping[str, Value], pattern: Mapping[str, Value]) -> bool:
    return all(
        key in combination and text_of(combination[key]) == text_of(value) for key, value in pattern.items()
    )


def _with_included(combinations: list[Combination], matrix: Matrix) -> list[Combination]:
    # An entry joins every combination whose own values it does not change; else it stands alone.
    added: list[Combination] = []
    for entry in matrix.include:
        own = {key: value for key, value in entry.items() if key in matrix.axes}
        joined = [one for one in combinations if _covers(one, own)]
        for one in joined:
            one.update(entry)
        if not joined:
            added.append(dict(entry))
    return combinations + added


def job_keys(step: str, combinations: list[Combination]) -> list[str]:
    """Name each combination's job by its values, so that it keeps its name when others come or go.

    Signs that ids cannot hold are replaced; where that, or the length, might make two names the same, a
    digest of the values follows.
    """
    return [_job_key(step, combination) for combination in combinations]


def _job_key(step: str, combination: Combination) -> str:
    exact = [text_of(value) for value in combination.values()]
    label = ",".join(re.sub(r"[^A-Za-z0-9._-]+", "-", text) for text in exact)
    if label == ",".join(exact) and 0 < len(label) <= 60 and not any("," in text for text in exact):
        return f"{step}[{label}]"
    canonical = json.dumps(combination, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    return f"{step}[{label[:60]}~{digest}]"


def axis_types(combinations: list[Combination]) -> dict[str, str]:
    """Return the CEL type of each name of a matrix; ``dyn`` where its values differ in type."""
    found: dict[str, set[str]] = {}
    for combination in combinations:
        for key, value in combination.items():
            found.setdefault(key, set()).add(_cel_type(value))
    return {key: kinds.pop() if len(kinds) == 1 else "dyn" for key, kinds in found.items()}


def _cel_type(value: Value) -> str:
    return {bool: "bool", int: "int", float: "double"}.get(type(value), "string")
