"""What GitHub's webhooks mean here. A payload is a hint and no more: whoever it concerns reads again.

Deliveries are lost, repeated, late and out of order, and somebody may keep one and send it again. Nothing
that they say is believed, so none of it does any harm: they can only make Perdure look sooner.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from perdure.model.base import Model
from perdure.model.names import RepositoryName

DELIVERIES_KEPT: Final = 20_000
"""Delivery ids that are remembered: of the last minutes under a flood, of the last days otherwise."""

ATTEMPTS: Final = 4
"""How often GitHub is asked to send the same delivery in all."""

_DISPATCH_ID = re.compile(r"(?<![A-Za-z0-9_-])pd[a-z2-7]{16}(?![A-Za-z0-9_-])")
_CALLBACK = re.compile(r"/actions/runs/(\d{1,19})/deployment_protection_rule$")
_MATTER: Final[Mapping[str, frozenset[str]]] = {
    "workflow_run": frozenset({"completed", "requested", "in_progress"}),
    "workflow_job": frozenset({"waiting"}),
    "deployment_protection_rule": frozenset({"requested"}),
    "pull_request": frozenset({"synchronize", "closed", "reopened"}),
}


class RunHint(Model):
    """Something has changed about an Actions run.

    Attributes:
        dispatch_id: What its name carries, if anything.
    """

    repository: RepositoryName
    actions_run_id: int
    dispatch_id: str = ""


class PullHint(Model):
    """Something has changed about a pull request.

    Attributes:
        head_sha: Where its branch is, where that is what has changed.
    """

    repository: RepositoryName
    pull_number: int
    head_sha: str = ""


Hint = RunHint | PullHint


class HookDelivery(Model):
    """One attempt to deliver a webhook, as GitHub remembers it.

    Attributes:
        delivery_id: The attempt's own number.
        guid: The same for every attempt of a delivery: ``X-GitHub-Delivery``.
        status_code: What was answered; 0 where nothing was.
    """

    delivery_id: int
    guid: str
    event: str
    action: str | None = None
    status: str = ""
    status_code: int = 0
    delivered_at: datetime

    @property
    def was_taken(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status_code < 300


def matters(event: str, action: object) -> bool:
    """Say whether such an event can mean anything here."""
    return action in _MATTER.get(event, ())


def hint_of(event: str, payload: Mapping[str, object]) -> Hint | None:
    """Return what an event may have changed, or ``None`` where that is nothing for Perdure."""
    if not matters(event, payload.get("action")):
        return None
    read = {
        "workflow_run": _of_run,
        "workflow_job": _of_job,
        "deployment_protection_rule": _of_protection,
        "pull_request": _of_pull,
    }[event]
    try:
        return read(payload, str(_object(payload, "repository").get("full_name")))
    except ValidationError:
        return None


def is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Say whether one of the secrets has signed the body, in a time that tells nothing.

    https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    """
    given = signature.encode("utf-8", "replace")
    found = False
    for secret in secrets:
        right = b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        found |= hmac.compare_digest(right, given)
    return found


class SeenDeliveries:
    """The ids of the latest deliveries. To forget one costs a look at GitHub, and nothing else."""

    def __init__(self, *, kept: int = DELIVERIES_KEPT) -> None:
        """Remember so many."""
        self._kept = kept
        self._seen: OrderedDict[str, None] = OrderedDict()

    def add(self, guid: str) -> bool:
        """Remember a delivery; return ``False`` where it was there before."""
        if guid in self._seen:
            self._seen.move_to_end(guid)
            return False
        self._seen[guid] = None
        if len(self._seen) > self._kept:
            self._seen.popitem(last=False)
        return True

    def forget(self, guids: Iterable[str]) -> None:
        """Take these again when they come again."""
        for guid in guids:
            self._seen.pop(guid, None)


def to_redeliver(deliveries: Iterable[HookDelivery], now: datetime, *, settled: timedelta) -> list[int]:
    """Return the deliveries to ask for again: what no attempt has brought, and may still mean something.

    Args:
        deliveries: All attempts that GitHub remembers of a while.
        now: By GitHub's clock.
        settled: Attempts that are younger may still be under way.
    """
    attempts: dict[str, list[HookDelivery]] = {}
    for delivery in deliveries:
        attempts.setdefault(delivery.guid, []).append(delivery)
    wanted = []
    for of_guid in attempts.values():
        latest = max(of_guid, key=lambda each: (each.delivered_at, each.delivery_id))
        if (
            matters(latest.event, latest.action)
            and len(of_guid) < ATTEMPTS
            and not any(each.was_taken for each in of_guid)
            and now - latest.delivered_at >= settled
        ):
            wanted.append(latest)
    return [each.delivery_id for each in sorted(wanted, key=lambda each: each.delivered_at)]


def _of_run(payload: Mapping[str, object], repository: str) -> Hint | None:
    run = _object(payload, "workflow_run")
    if run.get("event") != "workflow_dispatch":
        return None
    attempt = run.get("run_attempt")
    # That a run was begun is no news for whoever has begun it, but for a re-run, which a person may have.
    if payload.get("action") != "completed" and not (isinstance(attempt, int) and attempt > 1):
        return None
    titles = (run.get("display_title"), run.get("name"))
    found = next(
        (found[0] for title in titles if isinstance(title, str) and (found := _DISPATCH_ID.search(title))), ""
    )
    return _run_hint(repository, run.get("id"), found)


def _of_job(payload: Mapping[str, object], repository: str) -> Hint | None:
    return _run_hint(repository, _object(payload, "workflow_job").get("run_id"))


def _of_protection(payload: Mapping[str, object], repository: str) -> Hint | None:
    found = _CALLBACK.search(str(payload.get("deployment_callback_url")))
    return _run_hint(repository, int(found[1]) if found else None)


def _of_pull(payload: Mapping[str, object], repository: str) -> Hint | None:
    pull = _object(payload, "pull_request")
    number, head = pull.get("number"), _object(pull, "head").get("sha")
    if not _is_number(number):
        return None
    moved = payload.get("action") == "synchronize" and isinstance(head, str)
    return PullHint.model_validate(
        {"repository": repository, "pull_number": number, "head_sha": head if moved else ""}
    )


def _run_hint(repository: str, number: object, dispatch_id: str = "") -> Hint | None:
    if not _is_number(number):
        return None
    return RunHint.model_validate(
        {"repository": repository, "actions_run_id": number, "dispatch_id": dispatch_id}
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def _object(payload: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}
