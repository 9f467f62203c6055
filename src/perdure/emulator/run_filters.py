"""The filters of the lists of runs.

https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from perdure.emulator.identifiers import number_for
from perdure.emulator.records import Run

MOST_FILTERED = 1_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Filter = Callable[[Run], bool]

_FIELDS: Mapping[str, Callable[[Run, str], bool]] = {
    "actor": lambda run, value: run.actor.lower() == value.lower(),
    "branch": lambda run, value: run.head_branch == value,
    "event": lambda _, value: value == "workflow_dispatch",
    "status": lambda run, value: value in (run.status, run.conclusion),
    "head_sha": lambda run, value: run.head_sha == value,
    "check_suite_id": lambda run, value: value == str(number_for("suite", str(run.id))),
}


def read_filters(query: Mapping[str, str]) -> list[Filter]:
    """Make filters of a query's parameters.

    Raises:
        ValueError: ``created`` is no date and no range of them.
    """
    filters = [_field(name, query[name]) for name in _FIELDS if query.get(name)]
    if query.get("created"):
        low, high = _created(query["created"])
        # Answers carry whole seconds, so that is what is compared.
        filters.append(lambda run: low <= run.created_at.replace(microsecond=0) <= high)
    return filters


def _field(name: str, value: str) -> Filter:
    fits = _FIELDS[name]
    return lambda run: fits(run, value)


def _created(text: str) -> tuple[datetime, datetime]:
    low, high = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for operator in (">=", "<=", ">", "<"):
        if text.startswith(operator):
            start, end = _instants(text[len(operator) :])
            step = timedelta(microseconds=1)
            bounds = {
                ">=": (start, high),
                "<=": (low, end),
                ">": (end + step, high),
                "<": (low, start - step),
            }
            return bounds[operator]
    if ".." in text:
        first, last = text.split("..", 1)
        return (low if first == "*" else _instants(first)[0], high if last == "*" else _instants(last)[1])
    return _instants(text)


def _instants(text: str) -> tuple[datetime, datetime]:
    """Return the first and the last moment of a day or a second."""
    at = datetime.fromisoformat(text.strip().replace(" ", "+"))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    length = timedelta(days=1) if _DAY.fullmatch(text.strip()) else timedelta(seconds=1)
    return at, at + length - timedelta(microseconds=1)
