"""Reads what a workflow file says about being dispatched.

The file is somebody else's: its size, its depth and its aliases are bounded before anything is built from it.
GitHub takes anchors and aliases but no merge keys, which alone make a small file large:
https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

from perdure.errors import InvalidInputError
from perdure.model.dispatch import DISPATCH_ID_INPUT, Correlation, DispatchInput
from perdure.model.workflow_files import WorkflowFileFacts

MAX_CHARACTERS: Final = 256_000
MAX_DEPTH: Final = 50

_SHOWS_ID = re.compile(
    r"\$\{\{(?:(?!\}\}).)*\binputs\s*(?:\.\s*dispatch_id\b|\[\s*'dispatch_id'\s*\])",
    re.DOTALL | re.IGNORECASE,
)


@lru_cache(maxsize=256)
def read_workflow_file(text: str) -> WorkflowFileFacts:
    """Read a workflow file's text.

    Raises:
        InvalidInputError: It is not YAML, or not a workflow file; the message says the line.
    """
    content = _load(text)
    inputs = _dispatch_inputs(content)
    concurrency = content.get("concurrency")
    group = concurrency.get("group") if isinstance(concurrency, Mapping) else concurrency
    return WorkflowFileFacts(
        dispatch_inputs=inputs,
        correlation=_correlation(content) if DISPATCH_ID_INPUT in (inputs or {}) else Correlation.NONE,
        concurrency_group=str(group) if group is not None else None,
    )


def _load(text: str) -> Mapping[Any, Any]:
    if len(text) > MAX_CHARACTERS:
        raise InvalidInputError(f"the workflow file has more than {MAX_CHARACTERS:,} characters")
    try:
        _check_events(text)
        content = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise InvalidInputError(f"the workflow file is not YAML{where}: {error.problem}") from None
    except (YAMLError, ValueError, TypeError, RecursionError, LookupError) as error:
        raise InvalidInputError(f"the workflow file is not YAML: {error}") from None
    if not isinstance(content, Mapping):
        raise InvalidInputError("the workflow file holds no mapping: it begins with name:, on: or jobs:")
    return content


def _check_events(text: str) -> None:
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        elif isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
            line = event.start_mark.line + 1
            raise InvalidInputError(f"the workflow file has a merge key in line {line}: GitHub takes none")
        if depth > MAX_DEPTH:
            raise InvalidInputError(f"the workflow file is nested deeper than {MAX_DEPTH} levels")


def _dispatch_inputs(content: Mapping[Any, Any]) -> dict[str, DispatchInput] | None:
    # A file that says %YAML 1.1 has the boolean there.
    triggers = content.get("on", content.get(True))
    if isinstance(triggers, str):
        triggers = [triggers]
    if isinstance(triggers, list):
        return {} if "workflow_dispatch" in triggers else None
    if not isinstance(triggers, Mapping) or "workflow_dispatch" not in triggers:
        return None
    trigger = triggers["workflow_dispatch"]
    inputs = trigger.get("inputs") if isinstance(trigger, Mapping) else None
    if not isinstance(inputs, Mapping):
        return {}
    return {str(name): _dispatch_input(str(name), about) for name, about in inputs.items()}


def _dispatch_input(name: str, about: object) -> DispatchInput:
    if not isinstance(about, Mapping):
        return DispatchInput(name=name)
    options = about.get("options")
    default = about.get("default")
    return DispatchInput(
        name=name,
        type=_text(about.get("type") or "string"),
        required=_text(about.get("required")) == "true",
        default=None if default is None else _text(default),
        options=tuple(_text(option) for option in options) if isinstance(options, list) else (),
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _correlation(content: Mapping[Any, Any]) -> Correlation:
    if _SHOWS_ID.search(str(content.get("run-name") or "")):
        return Correlation.RUN_NAME
    if any(_SHOWS_ID.search(name) for name in _step_names(content)):
        return Correlation.STEP_NAME
    return Correlation.NONE


def _step_names(content: Mapping[Any, Any]) -> Iterator[str]:
    jobs = content.get("jobs")
    # A list that many aliases name is read once.
    lists = {
        id(steps): steps
        for job in (jobs.values() if isinstance(jobs, Mapping) else ())
        if isinstance(job, Mapping) and isinstance(steps := job.get("steps"), list)
    }
    for steps in lists.values():
        for step in steps:
            if isinstance(step, Mapping) and isinstance(name := step.get("name"), str):
                yield name
