"""The pipeline file: one type for the file, the API and the workflow's input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from perdure.config.secret_references import check_reference
from perdure.model.notifications import NotifyOn
from perdure.model.typed_values import Value
from perdure.pipeline._base import FileModel, Name, as_list, one_or_many
from perdure.pipeline.inputs import InputSpecs
from perdure.pipeline.policies import ConcurrencyField, Defaults, RepositoryWord
from perdure.pipeline.steps import Step

MAX_STEPS: Final = 2000

_PIPELINE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def _check_pipeline_name(name: str) -> str:
    if not re.fullmatch(_PIPELINE_NAME, name):
        msg = f"{name!r} cannot name a pipeline: use letters, digits, ., _ and -, at most 100"
        raise ValueError(msg)
    return name


class Mark(FileModel):
    """A check run or a commit status at GitHub that shows where the pipeline stands.

    One that may have begun is always ended too, whatever its notification's ``on`` leaves out.

    Attributes:
        repository: ``owner/name``; the owner may come from ``defaults``.
        name: What it is called; the pipeline's name otherwise.
        ref: The branch, tag or commit that carries it; the repository's default branch otherwise.
    """

    repository: RepositoryWord
    name: str | None = Field(default=None, min_length=1, max_length=100)
    ref: str | None = None


class Notification(FileModel):
    """Who is told of what.

    Attributes:
        on: The moments. ``waiting``: an approval begins to wait for people, or reminds them.
        webhook: Reference to the address of a Slack-compatible webhook: ``env:NAME``, ``file:PATH`` or
            ``keyring:SERVICE/NAME``. Never the address itself, for it is a secret.
        check_run: A check run at GitHub.
        commit_status: A commit status at GitHub.
    """

    on: Annotated[
        tuple[NotifyOn, ...],
        BeforeValidator(as_list, json_schema_input_type=NotifyOn | list[NotifyOn]),
        Field(min_length=1),
    ] = (
        NotifyOn.SUCCESS,
        NotifyOn.FAILURE,
    )
    webhook: Annotated[str, AfterValidator(check_reference)] | None = None
    check_run: Mark | None = Field(default=None, alias="check-run")
    commit_status: Mark | None = Field(default=None, alias="commit-status")


def _check_cron(cron: str) -> str:
    fields = cron.split()
    if len(fields) != len(_CRON_RANGES):
        msg = f"{cron!r} is no cron expression: write minute, hour, day, month and weekday, such as 0 6 * * 1"
        raise ValueError(msg)
    for text, (label, lowest, highest, words) in zip(fields, _CRON_RANGES, strict=True):
        for part in text.split(","):
            if not _is_cron_part(part, lowest, highest, words):
                msg = (
                    f"{text!r} is no {label} of a cron expression: {lowest} to {highest}, *, a-b, a,b or */n"
                )
                raise ValueError(msg)
    return cron


_MONTHS: Final = {
    word: number
    for number, word in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_WEEKDAYS: Final = {
    word: number for number, word in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
}
_CRON_RANGES: Final[tuple[tuple[str, int, int, Mapping[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)


def _is_cron_part(part: str, lowest: int, highest: int, words: Mapping[str, int]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [words.get(end.lower(), end) for end in span.split("-", 1)]
    numbers = [int(end) if str(end).isascii() and str(end).isdigit() else -1 for end in ends]
    return all(lowest <= number <= highest for number in numbers) and numbers == sorted(numbers)


class Schedule(FileModel):
    """When the pipeline starts by itself.

    Attributes:
        cron: Minute, hour, day, month and weekday, such as ``0 6 * * 1-5``.
        timezone: An IANA name, such as ``Europe/Berlin``.
        inputs: The inputs that it starts with.
    """

    cron: Annotated[str, AfterValidator(_check_cron)]
    timezone: str = Field(default="UTC", max_length=100)
    inputs: dict[Name, Value] = Field(default_factory=dict)


class PipelineFile(FileModel):
    """A pipeline.

    Attributes:
        name: Names the pipeline in ids, lists and notifications.
        description: What it is for.
        inputs: What is asked for when it starts, by name.
        vars: Fixed values, by name.
        defaults: What its steps have in common.
        environment: What freeze calendars and approval rules refer to.
        concurrency: The group in which at most one pipeline runs.
        schedule: When it starts by itself.
        steps: What it does, by name.
        outputs: What it returns to a pipeline that runs it as a step, by name: expressions.
        notify: Who is told of what.
    """

    name: Annotated[
        str,
        AfterValidator(_check_pipeline_name),
        WithJsonSchema({"type": "string", "pattern": _PIPELINE_NAME}),
    ]
    description: str = ""
    inputs: InputSpecs = Field(default_factory=dict)
    vars: dict[Name, JsonValue] = Field(default_factory=dict)
    defaults: Defaults = Defaults()
    environment: str | None = Field(default=None, min_length=1, max_length=255)
    concurrency: ConcurrencyField | None = None
    schedule: Annotated[
        tuple[Schedule, ...], BeforeValidator(one_or_many, json_schema_input_type=Schedule | list[Schedule])
    ] = ()
    steps: Annotated[dict[Name, Step], Field(min_length=1, max_length=MAX_STEPS)]
    outputs: dict[Name, str] = Field(default_factory=dict)
    notify: tuple[Notification, ...] = ()
