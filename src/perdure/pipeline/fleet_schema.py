"""The fleet file: what is done, for which items, how many at once, and who is told."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StrictBool, StrictInt

from perdure.config.secret_references import check_reference
from perdure.model.fleet import Tier
from perdure.model.names import RepositoryName
from perdure.pipeline._base import FileModel
from perdure.pipeline.durations import Duration

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_ORGANIZATION: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_QUEUE: Final = r"[A-Za-z0-9][A-Za-z0-9._/{}-]{0,199}"


def _matching(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            msg = f"{text!r} {what}"
            raise ValueError(msg)
        return text

    return AfterValidator(check)


def _read_part(value: object) -> object:
    """Read ``25%`` or ``0.25``."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    part = float(found[1]) / 100 if found else value
    if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part <= 1:
        msg = f"{value!r} is no part of the items: write 25%, or a number from 0 to 1"
        raise ValueError(msg)
    return part


def _check_queue_pattern(queue: str) -> str:
    if "{tier}" not in queue or re.search(r"[{}]", queue.replace("{tier}", "")):
        msg = f"{queue!r} is no tier queue: write a queue's name with {{tier}} in it"
        raise ValueError(msg)
    return queue


Part = Annotated[float, BeforeValidator(_read_part)]
Organization = Annotated[str, _matching(_ORGANIZATION, "is no organisation's or user's login")]
TaskQueue = Annotated[str, _matching(_QUEUE, "is no task queue's name")]
TierQueue = Annotated[TaskQueue, AfterValidator(_check_queue_pattern)]


class ItemsFrom(FileModel):
    """Where the items are, where the file does not list them: one of a file, an organisation, an activity.

    Attributes:
        file: Path, relative to this file: lines of a text (.txt), rows of a table (.csv), or JSON (.json,
            .jsonl).
        organization: An organisation or user at GitHub: its repositories are the items.
        match: Of these only names like this, such as ``service-*``.
        archived: Whether archived repositories count too.
        forks: Whether forks count too.
        activity: An activity of your own that reads a page at a time.
        task_queue: Where that activity runs.
        with_: What it is given beside cursor and size.
    """

    file: str | None = Field(default=None, min_length=1, max_length=400)
    organization: Organization | None = None
    match: str = Field(default="*", min_length=1, max_length=200)
    archived: StrictBool = False
    forks: StrictBool = False
    activity: str | None = Field(default=None, min_length=1, max_length=200)
    task_queue: TaskQueue | None = Field(default=None, alias="task-queue")
    with_: dict[str, JsonValue] = Field(default_factory=dict, alias="with")


class Alert(FileModel):
    """Who is told when more fails than is tolerated.

    Attributes:
        webhook: Reference to the address of a Slack-compatible webhook: ``env:NAME``, ``file:PATH`` or
            ``keyring:SERVICE/NAME``. Never the address itself, for it is a secret.
        issue: The repository in which an issue is opened, once for each fleet.
    """

    webhook: Annotated[str, AfterValidator(check_reference)] | None = None
    issue: RepositoryName | None = None


class FleetFile(FileModel):
    """A fleet.

    Attributes:
        name: Names the fleet in ids and lists.
        description: What it is for.
        items: What is worked on: a list, or where it is.
        workflow: The type of workflow that is started for each item.
        activity: The activity that is run for each item.
        pipeline: The pipeline file that is run for each item; its path is relative to this file.
        review: Review each item, which is a repository: ``true``, or how it is reviewed.
        input: What the work is given, with ``${{ item }}`` or ``${{ item.name }}`` in it. Of a pipeline: its
            inputs.
        organization: Whose fleet it is: those who share a queue get turns.
        tier: The tier of that organisation, which has task queues of its own.
        tier_queue: The task queue of a tier.
        task_queue: The task queue, where there are no tiers.
        max_parallel: How many items are under way at the same time.
        chunk_size: How many are read, and how many results are kept, at once.
        timeout: How long one item may take.
        attempts: How often an activity is tried. A workflow is started once; `fleet retry` starts it anew.
        failure_threshold: The part of the items that may fail.
        alert: Who is told when more do.
        cancel_timeout: How long a cancelled fleet waits for what runs to end.
    """

    name: Annotated[
        str, _matching(_NAME, "cannot name a fleet: use letters, digits, ., _ and -, at most 100")
    ]
    description: str = ""
    items: Annotated[list[JsonValue], Field(min_length=1)] | ItemsFrom
    workflow: str | None = Field(default=None, min_length=1, max_length=200)
    activity: str | None = Field(default=None, min_length=1, max_length=200)
    pipeline: str | None = Field(default=None, min_length=1, max_length=400)
    review: StrictBool | dict[str, JsonValue] | None = None
    input: JsonValue = None
    organization: Organization | None = None
    tier: Tier | None = None
    tier_queue: TierQueue | None = Field(default=None, alias="tier-queue")
    task_queue: TaskQueue | None = Field(default=None, alias="task-queue")
    max_parallel: StrictInt = Field(default=10, ge=1, le=1_000, alias="max-parallel")
    chunk_size: StrictInt = Field(default=100, ge=1, le=1_000, alias="chunk-size")
    timeout: Duration = timedelta(hours=4)
    attempts: StrictInt = Field(default=5, ge=1, le=1_000)
    failure_threshold: Part = Field(default=0.25, alias="failure-threshold")
    alert: Alert | None = None
    cancel_timeout: Duration = Field(default=timedelta(minutes=1), alias="cancel-timeout")

    @property
    def owner(self) -> str | None:
        """The organisation whose fleet it is, named or that of its repositories."""
        return self.organization or (self.items.organization if isinstance(self.items, ItemsFrom) else None)
