"""What a pipeline's schedules are made of, and what changes between two of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from perdure.model.base import Model
from perdure.model.typed_values import Value
from perdure.pipeline.compiling import CompiledPipeline
from perdure.pipeline.digest import canonical_json
from perdure.pipeline.running import PipelineInput


class Overlap(StrEnum):
    """What a schedule does when the pipeline that it started last still runs."""

    SKIP = "skip"
    BUFFER_ONE = "buffer-one"
    BUFFER_ALL = "buffer-all"
    CANCEL_OTHER = "cancel-other"
    ALLOW_ALL = "allow-all"


class ScheduleFacts(Model):
    """What is kept with a schedule, and with each pipeline that it starts.

    Attributes:
        name: The schedule's: the pipeline's name and the entry's number, such as ``release/1``.
        cron: As the file says.
        timezone: As the file says.
        inputs: As the file says.
        source: The file, as it was named when the schedule was set.
        set_by: Who set it.
        set_at: When.
    """

    name: str
    cron: str
    timezone: str
    inputs: dict[str, Value] = Field(default_factory=dict)
    source: str = ""
    set_by: str = ""
    set_at: datetime


class ScheduledInput(Model):
    """A schedule as it is or shall be: what it starts, and when.

    Attributes:
        facts: When, and who says so.
        input: What each start is given.
        overlap: What happens when the last one still runs.
        catch_up_seconds: For how long a start that was missed is made up for.
    """

    facts: ScheduleFacts
    input: PipelineInput
    overlap: Overlap
    catch_up_seconds: float


def changes_between(old: ScheduledInput, new: ScheduledInput) -> list[str]:
    """Return what a schedule does otherwise than before, for people; nothing where it does the same."""
    return [*_of_facts(old, new), *_of_pipeline(old.input.pipeline, new.input.pipeline), *_of_files(old, new)]


def _of_facts(old: ScheduledInput, new: ScheduledInput) -> Iterator[str]:
    pairs = {
        "cron": (old.facts.cron, new.facts.cron),
        "timezone": (old.facts.timezone, new.facts.timezone),
        "overlap": (old.overlap.value, new.overlap.value),
        "catch-up": (f"{old.catch_up_seconds:g} s", f"{new.catch_up_seconds:g} s"),
    }
    for name, (before, after) in pairs.items():
        if before != after:
            yield f"{name} {before} -> {after}"


def _of_pipeline(old: CompiledPipeline, new: CompiledPipeline) -> Iterator[str]:
    yield from _of_mappings("input", old.inputs, new.inputs, shows_values=True)
    yield from _of_mappings("var", old.vars, new.vars, shows_values=True)
    yield from _of_mappings(
        "step", {step.name: step for step in old.steps}, {step.name: step for step in new.steps}
    )
    for name in ("environment", "concurrency", "outputs", "notify"):
        if canonical_json(getattr(old, name)) != canonical_json(getattr(new, name)):
            yield f"{name} changed"


def _of_files(old: ScheduledInput, new: ScheduledInput) -> Iterator[str]:
    yield from _of_mappings("file", old.input.files, new.input.files)


def _of_mappings(
    kind: str, old: Mapping[str, object], new: Mapping[str, object], *, shows_values: bool = False
) -> Iterator[str]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield f"{kind} {name} removed"
        elif name not in old:
            yield f"{kind} {name} added"
        elif canonical_json(old[name]) != canonical_json(new[name]):
            values = f" {_shown(old[name])} -> {_shown(new[name])}" if shows_values else " changed"
            yield f"{kind} {name}{values}"


def _shown(value: object) -> str:
    text = canonical_json(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
