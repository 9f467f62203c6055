"""Who has a concurrency group, who is next, and what each is told. The workflow only carries it out.

A lock that forgot a waiter would stop a release for ever, and one that believed a dead holder too. So each
request has an id, may come twice, late, or after it was given back, and leaves exactly one way: given back,
refused, superseded, or found to be gone.
"""

import hashlib
from enum import StrEnum

from perdure.model.base import Model

_REMEMBERED = 200
_LONGEST_GROUP = 900


class LockPolicy(StrEnum):
    """What a request does when the group is taken."""

    QUEUE = "queue"
    CANCEL_OLDER = "cancel-older"
    REFUSE = "refuse"


class LockRequest(Model):
    """Somebody wants a group.

    Attributes:
        request_id: The same each time that it is asked.
        workflow_id: Who asks.
        run_id: The run of it that asks.
    """

    request_id: str
    workflow_id: str
    run_id: str
    policy: LockPolicy = LockPolicy.QUEUE


class LockRelease(Model):
    """Somebody does not want a group any more, whether they had it or not."""

    request_id: str


class NewsKind(StrEnum):
    """What became of a request."""

    GRANTED = "granted"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class LockNews(Model):
    """What became of a request, as its workflow is told.

    Attributes:
        request: The request.
        by: The workflow that has the group, or that took it over.
    """

    request: LockRequest
    kind: NewsKind
    by: str = ""


class LockState(Model):
    """One group.

    Attributes:
        holder: Who has it.
        waiting: Who is next, in order.
        doubtful: Requests that are refused once it is sure that the holder is alive.
        over: Ids of the latest requests that are over: the same asked again late is not asked anew.
    """

    holder: LockRequest | None = None
    waiting: tuple[LockRequest, ...] = ()
    doubtful: tuple[LockRequest, ...] = ()
    over: tuple[str, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Whether nobody has it or wants it."""
        return self.holder is None and not self.waiting and not self.doubtful

    @property
    def everybody(self) -> tuple[LockRequest, ...]:
        """Everybody who has it or wants it."""
        return (*((self.holder,) if self.holder else ()), *self.waiting, *self.doubtful)


Step = tuple[LockState, tuple[LockNews, ...]]
"""What is so afterwards, and who is told what."""


def asked(state: LockState, request: LockRequest) -> Step:
    """Take a request."""
    if state.holder is not None and state.holder.request_id == request.request_id:
        return state, (LockNews(request=state.holder, kind=NewsKind.GRANTED),)
    if request.request_id in state.over or any(
        one.request_id == request.request_id for one in state.everybody
    ):
        return state, ()
    taken = state.holder is not None or bool(state.waiting)
    if request.policy is LockPolicy.REFUSE and taken:
        return state.model_copy(update={"doubtful": (*state.doubtful, request)}), ()
    told: tuple[LockNews, ...] = ()
    if request.policy is LockPolicy.CANCEL_OLDER:
        told = tuple(
            LockNews(request=one, kind=NewsKind.SUPERSEDED, by=request.workflow_id)
            for one in state.everybody
            if one not in state.doubtful
        )
        state = _without(state, {one.request_id for one in state.waiting})
    after, granted = _granted(state.model_copy(update={"waiting": (*state.waiting, request)}))
    return after, (*told, *granted)


def over(state: LockState, request_ids: set[str]) -> Step:
    """Take it that requests were given back, or that those who asked are gone."""
    return _granted(_without(state, request_ids))


def alive(state: LockState) -> Step:
    """Take it that the holder was found to be alive: refuse whoever waited to know."""
    holder, doubtful = state.holder, state.doubtful
    if holder is None or not doubtful:
        return _granted(state)
    told = tuple(LockNews(request=one, kind=NewsKind.REFUSED, by=holder.workflow_id) for one in doubtful)
    return _without(state, {one.request_id for one in doubtful}), told


def _without(state: LockState, request_ids: set[str]) -> LockState:
    fresh = sorted(request_ids.difference(state.over))
    return LockState(
        holder=state.holder if state.holder and state.holder.request_id not in request_ids else None,
        waiting=tuple(one for one in state.waiting if one.request_id not in request_ids),
        doubtful=tuple(one for one in state.doubtful if one.request_id not in request_ids),
        over=(*state.over, *fresh)[-_REMEMBERED:],
    )


def _granted(state: LockState) -> Step:
    if state.holder is not None:
        return state, ()
    queue = (*state.waiting, *state.doubtful)
    if not queue:
        return state, ()
    # Those who would rather be refused than wait do not wait behind the one who is next.
    holder, *rest = queue
    after = state.model_copy(
        update={
            "holder": holder,
            "waiting": tuple(one for one in rest if one in state.waiting),
            "doubtful": tuple(one for one in rest if one in state.doubtful),
        }
    )
    return after, (LockNews(request=holder, kind=NewsKind.GRANTED),)


def lock_id(group: str) -> str:
    """Return the workflow id of a group's lock: one in a namespace, whichever workers run it."""
    if len(group.encode()) > _LONGEST_GROUP:
        group = hashlib.sha256(group.encode()).hexdigest()
    return f"lock/{group}"


def news_signal(request_id: str) -> str:
    """Return the name of the signal that tells a workflow what became of its request."""
    return f"perdure-lock-{request_id}"
