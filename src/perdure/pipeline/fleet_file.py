"""Reads a fleet file: all that is wrong with it at once, each mistake with its place."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from perdure.errors import FleetFileError, PipelineFileError
from perdure.model.fleet import item_key
from perdure.model.review import ReviewPolicy
from perdure.model.words import did_you_mean, or_list
from perdure.pipeline._base import Problem, Problems
from perdure.pipeline.fleet_schema import FleetFile
from perdure.pipeline.fleet_template import template_problems
from perdure.pipeline.source import Source
from perdure.pipeline.wording import problems_of
from perdure.pipeline.yaml_text import PlacedMapping, read_yaml

_WORK: Final = ("workflow", "activity", "pipeline", "review")
_SOURCES: Final = ("file", "organization", "activity")


def read_fleet(text: str, name: str = "fleet.yaml") -> FleetFile:
    """Read and check a fleet file.

    Args:
        text: What it holds.
        name: What it is called in messages.

    Raises:
        FleetFileError: With everything that is wrong.
    """
    text = text.removeprefix("\ufeff")
    document = read_yaml(text)
    source = Source(name, text, document)
    value = document.value
    if not isinstance(value, PlacedMapping):
        what = "is empty" if value is None else "must hold keys and values"
        problem = Problem((), f"the file {what}: begin with name:, items: and what is done")
        raise _fleet_error(source.error([] if document.mistakes else [problem]))
    collected = Problems()
    try:
        file: FleetFile | None = FleetFile.model_validate(value, context=collected)
        problems = collected.found
    except ValidationError as error:
        file = None
        errors = [one for one in error.errors(include_url=False) if _is_meant(value, one["loc"])]
        problems = collected.found + problems_of(errors, source.known_path)
    problems += _problems(value)
    if problems or document.mistakes or file is None:
        raise _fleet_error(source.error(problems))
    return file


def review_policy(review: bool | Mapping[str, object] | None) -> ReviewPolicy:
    """Return how a fleet's repositories are reviewed.

    Raises:
        ValidationError: It does not fit.
    """
    given = review if isinstance(review, Mapping) else {}
    return ReviewPolicy.model_validate({key.replace("-", "_"): value for key, value in given.items()})


def _fleet_error(error: PipelineFileError) -> FleetFileError:
    return FleetFileError(str(error), problems=error.problems)


def _is_meant(value: Mapping[str, object], location: tuple[str | int, ...]) -> bool:
    """Leave out what is wrong with an alternative that nobody meant: items are a list or a mapping."""
    if location[:1] != ("items",) or len(location) < 2:
        return True
    is_list = isinstance(value.get("items"), list)
    return str(location[1]).startswith("list") == is_list


def _problems(value: PlacedMapping) -> Iterator[Problem]:
    yield from _work_problems(value)
    yield from _items_problems(value.get("items"))
    yield from _queue_problems(value)
    yield from template_problems(("input",), value.get("input"))
    yield from _review_problems(value.get("review"))


def _work_problems(value: PlacedMapping) -> Iterator[Problem]:
    named = [key for key in _WORK if value.get(key) is not None and value.get(key) is not False]
    if len(named) > 1:
        yield Problem((named[1],), f"a fleet does one thing: {' and '.join(named)} are two", at_key=True)
    if not named:
        yield Problem((), f"the fleet does nothing: give it one of {or_list(_WORK)}")
    if "review" in named and value.get("input") is not None:
        yield Problem(("input",), "a review takes the repository alone: leave input out", at_key=True)
    if "pipeline" in named and not isinstance(value.get("input"), Mapping | None):
        yield Problem(("input",), "the input of a pipeline is a mapping of its inputs")
    if value.get("attempts") is not None and named and named != ["activity"]:
        yield Problem(
            ("attempts",),
            "only an activity is tried again; what failed is started anew by fleet retry",
            at_key=True,
        )


def _items_problems(items: object) -> Iterator[Problem]:
    if isinstance(items, list):
        first: dict[str, int] = {}
        for position, item in enumerate(items):
            key = item_key(item)
            if key in first:
                message = f"{key!r} is the same item as number {first[key] + 1}: leave one of them out"
                yield Problem(("items", position), message)
            first.setdefault(key, position)
    elif isinstance(items, Mapping):
        named = [key for key in _SOURCES if items.get(key) is not None]
        if len(named) != 1:
            yield Problem(("items",), f"say where the items are by one of {or_list(_SOURCES)}")
        for key, belongs_to in _BELONGS.items():
            if items.get(key) is not None and named and belongs_to not in named:
                yield Problem(("items", key), f"{key} belongs to {belongs_to}", at_key=True)


_BELONGS: Final = {
    "match": "organization",
    "archived": "organization",
    "forks": "organization",
    "task-queue": "activity",
    "with": "activity",
}


def _queue_problems(value: PlacedMapping) -> Iterator[Problem]:
    items = value.get("items")
    owner = value.get("organization") or (items.get("organization") if isinstance(items, Mapping) else None)
    tiered = [key for key in ("tier", "tier-queue") if value.get(key) is not None]
    if tiered and value.get("task-queue") is not None:
        yield Problem(("task-queue",), f"{tiered[0]} names the task queue already", at_key=True)
    if tiered and owner is None:
        yield Problem((tiered[0],), "whose tier is it? Name the organization", at_key=True)
    if "tier-queue" in tiered and "tier" not in tiered:
        yield Problem(("tier-queue",), "which tier is it? Name the tier", at_key=True)


def _review_problems(review: object) -> Iterator[Problem]:
    if not isinstance(review, Mapping):
        return
    known = [name.replace("_", "-") for name in ReviewPolicy.model_fields]
    for key in review:
        if key.replace("_", "-") not in known:
            message = f"unknown key {key!r}{did_you_mean(key, known) or f': allowed are {or_list(known)}'}"
            yield Problem(("review", key), message, at_key=True)
    try:
        review_policy(review)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for one in errors:
            first, *rest = one["loc"]
            one["loc"] = ("review", str(first).replace("_", "-"), *rest)
        yield from problems_of(errors, lambda path: path[:2])
