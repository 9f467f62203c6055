"""Dispatching once, although GitHub's dispatch has no idempotency key.

A client that repeats a dispatch whose answer was lost starts a second release; one that does not may
start none. So the POST is sent once, and whatever its outcome leaves open is settled by looking for a run
that carries the dispatch id before anything is sent again.
"""

import base64
import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from perdure.errors import InvalidInputError, ReservedInputKeyError
from perdure.model.actions import ActionsRun, OnAmbiguity
from perdure.model.base import Model
from perdure.model.names import RepositoryName

DISPATCH_ID_INPUT = "dispatch_id"

DEFAULT_GRACE_TIME = timedelta(seconds=120)
"""How long lists of runs may lag behind an accepted dispatch."""

CLOCK_SKEW = timedelta(minutes=2)


class Correlation(StrEnum):
    """Where a workflow file shows its dispatch id."""

    RUN_NAME = "run-name"
    STEP_NAME = "step-name"
    NONE = "none"


class DispatchInput(Model):
    """One of the inputs that a workflow file takes."""

    name: str
    type: str = "string"
    required: bool = False
    default: str | None = None
    options: tuple[str, ...] = ()


class DispatchPlan(Model):
    """What is known of the dispatch before it is sent.

    Attributes:
        ref: The branch or tag, resolved where it was left out.
        head_sha: The commit that the ref names now; empty where contents cannot be read.
        takes_dispatch_id: Whether the workflow file has an input of that name; assumed where the file
            cannot be read.
        correlation: Where the run will show it.
        file_is_known: Whether the file was read; else both are assumptions.
        grace_time: How long lists may lag on this host.
        reconcile_interval: After how long without news the run is read, at first.
        search_attributes: Whether the namespace takes Perdure's search attributes.
        warnings: What a person should know.
    """

    ref: str
    head_sha: str = ""
    takes_dispatch_id: bool = True
    correlation: Correlation = Correlation.RUN_NAME
    file_is_known: bool = True
    grace_time: timedelta = DEFAULT_GRACE_TIME
    reconcile_interval: timedelta = timedelta(minutes=5)
    search_attributes: bool = False
    warnings: tuple[str, ...] = ()


class DispatchRequest(Model):
    """One dispatch, as it is sent."""

    repository: RepositoryName
    workflow_file: str
    ref: str
    inputs: dict[str, str] = Field(default_factory=dict)


class DispatchAnswer(Model):
    """What is known after a POST.

    Attributes:
        kind: ``started``: GitHub returned the run's id. ``accepted``: it took the dispatch without saying
            which run. ``not-sent``: the request never left. ``later``: refused until ``retry_after`` has
            passed. ``without-id``: refused because the file takes no ``dispatch_id``. ``ambiguous``:
            nobody knows.
        reason: For people.
    """

    kind: Literal["started", "accepted", "not-sent", "later", "without-id", "ambiguous"]
    actions_run_id: int | None = None
    html_url: str | None = None
    retry_after: timedelta | None = None
    reason: str = ""


class DispatchMove(StrEnum):
    """The one thing to do next about a dispatch."""

    POST = "post"
    WAIT_AND_POST = "wait-and-post"
    LOOK = "look"
    DONE = "done"
    ASK = "ask"
    GIVE_UP = "give-up"


class DispatchState(Model):
    """Everything that decides the next move about a dispatch.

    Attributes:
        answer: What the last POST gave; ``None`` before the first.
        looked: Whether a whole grace time passed, after that answer, without a run that carries the id.
        found: Runs that carry the id.
        keyed: Whether the caller gave a key, so that a run may be there before anything was sent.
        may_repeat: Whether a run would certainly be recognised, so that its absence proves something.
        on_ambiguity: The step's policy.
    """

    answer: DispatchAnswer | None = None
    looked: bool = False
    found: tuple[int, ...] = ()
    keyed: bool = False
    may_repeat: bool = True
    on_ambiguity: OnAmbiguity = OnAmbiguity.REDISPATCH


def next_dispatch_move(state: DispatchState) -> DispatchMove:
    """Decide what to do next about a dispatch. Never to send what may have been sent already."""
    if state.found:
        return DispatchMove.DONE
    if state.answer is None:
        return DispatchMove.LOOK if state.keyed and not state.looked else DispatchMove.POST
    match state.answer.kind:
        case "started":
            return DispatchMove.DONE
        case "not-sent" | "later":
            return DispatchMove.WAIT_AND_POST
        case "without-id":
            return DispatchMove.POST
        case "accepted":
            return DispatchMove.LOOK if not state.looked else _without_repeating(state)
        case "ambiguous":
            return DispatchMove.LOOK if not state.looked else _after_ambiguity(state)


def _without_repeating(state: DispatchState) -> DispatchMove:
    ask = state.on_ambiguity is OnAmbiguity.HOLD or not state.may_repeat
    return DispatchMove.ASK if ask else DispatchMove.GIVE_UP


def _after_ambiguity(state: DispatchState) -> DispatchMove:
    if state.on_ambiguity is OnAmbiguity.FAIL:
        return DispatchMove.GIVE_UP
    if state.on_ambiguity is OnAmbiguity.HOLD or not state.may_repeat:
        return DispatchMove.ASK
    return DispatchMove.POST


def dispatch_id(identity: tuple[str, ...], *, step: str, generation: int) -> str:
    """Return the id that ties a dispatch to its run.

    Args:
        identity: The caller's key alone, or namespace, workflow id, first execution run id and workflow
            attempt. Never the current run id: a reset and a continue-as-new must find the same run.
        step: Tells apart several actions of one identity.
        generation: Rises only when a policy or a person asks for another run.
    """
    # Each part is written with its length: no two lists of parts give the same text.
    text = "".join(f"{len(part)}:{part}," for part in (*identity, step, str(generation)))
    digest = hashlib.sha256(text.encode()).digest()
    return "pd" + base64.b32encode(digest).decode().lower()[:16]


def carries(text: str | None, wanted: str) -> bool:
    """Say whether the text holds the dispatch id as a whole word. An empty id is carried by nothing."""
    if not text or not wanted:
        return False
    return re.search(rf"(?<![A-Za-z0-9_-]){re.escape(wanted)}(?![A-Za-z0-9_-])", text) is not None


def check_caller_inputs(inputs: dict[str, str], *, limit: int = 25) -> None:
    """Refuse inputs that cannot be right for any workflow file.

    Raises:
        ReservedInputKeyError: ``dispatch_id`` was set.
        InvalidInputError: There are too many, or they are too long together.
    """
    if DISPATCH_ID_INPUT in inputs:
        raise ReservedInputKeyError
    if len(inputs) > limit - 1:
        msg = f"{len(inputs)} inputs are too many: GitHub takes {limit}, and one of them is dispatch_id"
        raise InvalidInputError(msg, hint="pass several values as one JSON input")
    characters = sum(len(name) + len(value) for name, value in inputs.items())
    if characters > 65_000:
        msg = f"the inputs have {characters:,} characters together: GitHub takes 65,535"
        raise InvalidInputError(msg, hint="store large values elsewhere and pass a reference")


def choose_actions_run(found: list[ActionsRun]) -> tuple[ActionsRun, list[ActionsRun]]:
    """Return the run to keep, the one with the lowest number, and the duplicates to cancel."""
    first, *others = sorted(found, key=lambda actions_run: actions_run.actions_run_number)
    return first, others


def created_since(first_sent_at: datetime) -> datetime:
    """Return from when on a run may be this dispatch's, with room for clocks that differ."""
    return first_sent_at - CLOCK_SKEW
