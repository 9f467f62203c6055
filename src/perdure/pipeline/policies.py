"""What steps have in common: limits, retries, concurrency groups."""

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, WithJsonSchema

from perdure.model.actions import ActionRetry, OnAmbiguity, RetryOn
from perdure.pipeline._base import FileModel, as_list
from perdure.pipeline.durations import Duration

_OWNER: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_REPOSITORY: Final = r"[A-Za-z0-9._-]{1,100}"
_FILE: Final = r"[A-Za-z0-9._-][A-Za-z0-9._ -]{0,250}\.ya?ml"


def _check_owner(text: str) -> str:
    if not re.fullmatch(_OWNER, text):
        msg = f"{text!r} is no owner of repositories: write a user's or an organisation's name"
        raise ValueError(msg)
    return text


def _check_repository(text: str) -> str:
    if not re.fullmatch(f"({_OWNER}/)?{_REPOSITORY}", text) or text.rpartition("/")[2] in {".", ".."}:
        msg = f"{text!r} is no repository: write owner/name, or the name where defaults have an owner"
        raise ValueError(msg)
    return text


def _check_action(text: str) -> str:
    if re.fullmatch(f"({_OWNER}/)?{_REPOSITORY}/{_FILE}", text) and text.split("/")[-2] not in {".", ".."}:
        return text
    if ".github/workflows/" in text:
        msg = f"write {text.replace('.github/workflows/', '')}: the folder is always .github/workflows"
        raise ValueError(msg)
    msg = (
        f"{text!r} names no Actions workflow: write owner/repository/file.yml;"
        " the owner may come from defaults"
    )
    raise ValueError(msg)


Owner = Annotated[
    str, AfterValidator(_check_owner), WithJsonSchema({"type": "string", "pattern": f"^{_OWNER}$"})
]
"""A user or an organisation at GitHub."""

RepositoryWord = Annotated[
    str,
    AfterValidator(_check_repository),
    WithJsonSchema({"type": "string", "pattern": f"^({_OWNER}/)?{_REPOSITORY}$"}),
]
"""``owner/name``, or the name alone."""

ActionWord = Annotated[
    str,
    AfterValidator(_check_action),
    WithJsonSchema({"type": "string", "pattern": f"^({_OWNER}/)?{_REPOSITORY}/{_FILE}$"}),
]
"""``owner/repository/file.yml``, or without the owner."""


class Timeout(FileModel):
    """How long an attempt may take. One duration alone is ``run``.

    Attributes:
        queue: Longest time before a runner or a worker picks it up; without limit where it is left out.
        run: Longest time from then to its end; without limit where it is left out.
        cancel: How long GitHub has to end the run of an action that is cancelled; 10 minutes where it is left
            out. The action ends then all the same, and says that the run may go on.
    """

    queue: Duration | None = None
    run: Duration | None = None
    cancel: Duration | None = None


def _run_alone(value: object) -> object:
    return {"run": value} if isinstance(value, str | int | float) and not isinstance(value, bool) else value


class Retry(FileModel, ActionRetry):
    """When another attempt is made.

    Attributes:
        attempts: How many attempts at most, the first included; 0 is without limit.
        delay: How long to wait before each.
        on: Outcomes that are tried again. Permanent errors never are.
        by: Re-run the failed jobs of the same run, or dispatch anew.
    """

    attempts: Annotated[StrictInt, Field(ge=0, le=1000)] = 1
    delay: Duration = ActionRetry().delay
    on: Annotated[
        frozenset[RetryOn], BeforeValidator(as_list, json_schema_input_type=RetryOn | list[RetryOn])
    ] = ActionRetry().on


TimeoutField = Annotated[Timeout, BeforeValidator(_run_alone, json_schema_input_type=Duration | Timeout)]
"""A :class:`Timeout`; one duration alone is its ``run``."""


class ConcurrencyPolicy(StrEnum):
    """What a pipeline or step does when its group is taken."""

    QUEUE = "queue"
    CANCEL_OLDER = "cancel-older"
    REFUSE = "refuse"


class Concurrency(FileModel):
    """A named group, across pipelines and repositories, in which one runs at a time.

    Attributes:
        group: Its name; may hold expressions.
        policy: Queue in order, cancel the one that holds it, or refuse to start.
    """

    group: Annotated[str, Field(min_length=1, max_length=400)]
    policy: ConcurrencyPolicy = ConcurrencyPolicy.QUEUE


def _group_alone(value: object) -> object:
    return {"group": value} if isinstance(value, str) else value


ConcurrencyField = Annotated[
    Concurrency, BeforeValidator(_group_alone, json_schema_input_type=str | Concurrency)
]
"""A :class:`Concurrency`; its group alone is enough."""


class Defaults(FileModel):
    """What applies to every step that does not say otherwise.

    Attributes:
        owner: Owner of repositories that are named without one.
        ref: Branch or tag that Actions workflows run on; the repository's default branch otherwise.
        timeout: Limits of an attempt.
        retry: When another attempt is made.
        on_ambiguity: What to do when GitHub's answer to a dispatch is lost and no run shows up.
        adopt_window: How long a failed step stays open for a person's re-run at GitHub.
    """

    owner: Owner | None = None
    ref: str | None = Field(default=None, min_length=1, max_length=255)
    timeout: TimeoutField | None = None
    retry: Retry | None = None
    on_ambiguity: OnAmbiguity | None = Field(default=None, alias="on-ambiguity")
    adopt_window: Duration | None = Field(default=None, alias="adopt-window")
