"""What webhooks mean, whom they are believed, and which are asked for again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.model.webhooks import (
    ATTEMPTS,
    HookDelivery,
    PullHint,
    RunHint,
    SeenDeliveries,
    hint_of,
    is_signed,
    matters,
    to_redeliver,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTLED = timedelta(seconds=15)
DISPATCH_ID = "pdabcdefgh234567ab"
EVENTS = ("workflow_run", "workflow_job", "deployment_protection_rule", "pull_request")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def about(action: str, **fields: object) -> dict[str, object]:
    return {"action": action, "repository": {"full_name": "acme/tools"}, **fields}


def a_run(action: str = "completed", **fields: object) -> dict[str, object]:
    run = {"id": 7, "event": "workflow_dispatch", "run_attempt": 1, "display_title": "Release", **fields}
    return about(action, workflow_run=run)


def a_pull(action: str) -> dict[str, object]:
    return about(action, pull_request={"number": 3, "head": {"sha": "c" * 40}})


RULE_URL = "https://api.github.com/repos/acme/tools/actions/runs/7/deployment_protection_rule"
RUN = RunHint(repository="acme/tools", actions_run_id=7)


@pytest.mark.parametrize(
    ("event", "payload", "hint"),
    [
        ("workflow_run", a_run(), RUN),
        (
            "workflow_run",
            a_run(display_title=f"Release 2 [{DISPATCH_ID}]"),
            RUN.model_copy(update={"dispatch_id": DISPATCH_ID}),
        ),
        (
            "workflow_run",
            a_run(name=f"{DISPATCH_ID}: release"),
            RUN.model_copy(update={"dispatch_id": DISPATCH_ID}),
        ),
        ("workflow_run", a_run("in_progress"), None),
        ("workflow_run", a_run("in_progress", run_attempt=2), RUN),
        ("workflow_run", a_run(event="push"), None),
        ("workflow_run", a_run(id=True), None),
        ("workflow_run", a_run(id=2**63), None),
        ("workflow_job", about("waiting", workflow_job={"run_id": 7}), RUN),
        ("workflow_job", about("completed", workflow_job={"run_id": 7}), None),
        ("deployment_protection_rule", about("requested", deployment_callback_url=RULE_URL), RUN),
        ("deployment_protection_rule", about("requested", deployment_callback_url="https://x/7"), None),
        (
            "pull_request",
            a_pull("synchronize"),
            PullHint(repository="acme/tools", pull_number=3, head_sha="c" * 40),
        ),
        ("pull_request", a_pull("closed"), PullHint(repository="acme/tools", pull_number=3)),
        ("pull_request", a_pull("labeled"), None),
        ("workflow_run", {**a_run(), "repository": {"full_name": "../.."}}, None),
        ("workflow_run", {**a_run(), "repository": None}, None),
        ("ping", about("completed"), None),
    ],
)
def test_an_event_names_what_to_look_at_and_says_nothing_else(event, payload, hint):
    """Ends, re-runs, waits for people and branches that move; not what costs a request for nothing."""
    assert hint_of(event, payload) == hint


@given(st.sampled_from(EVENTS), st.dictionaries(st.text(max_size=8), JSON, max_size=4), JSON, JSON)
def test_no_payload_does_any_harm(event, payload, about_it, repository):
    """GitHub's payloads leave out what their schema requires, and others sign what they like."""
    fields = {event: about_it, "repository": repository, "deployment_callback_url": about_it}
    for action in ("completed", "waiting", "requested", "synchronize"):
        found = hint_of(event, {**payload, **fields, "action": action})
        assert found is None or found.repository.count("/") == 1
    assert not matters(event, about_it if isinstance(about_it, str) else "anything")


def test_githubs_own_example_is_signed():
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries"""
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(body, signature, [secret])
    assert is_signed(body, signature, ["the one before", secret])
    assert not is_signed(body, signature, ["the one before"])
    assert not is_signed(body, signature, [])
    assert not is_signed(body + b" ", signature, [secret])
    assert not is_signed(body, signature.removeprefix("sha256="), [secret])
    assert not is_signed(body, "", [secret])
    assert not is_signed(body, "sha256=\udcff\u1234", [secret])


def test_only_the_latest_deliveries_are_remembered():
    """A flood takes no more memory than that, and what is asked for again is used."""
    seen = SeenDeliveries(kept=3)
    assert [seen.add(guid) for guid in "abca"] == [True, True, True, False]
    assert seen.add("d")
    # "a" was seen again later than "b".
    assert (seen.add("a"), seen.add("b")) == (False, True)
    seen.forget(["a", "x"])
    assert seen.add("a")


def attempt(number: int, guid: str, *, code: int = 500, minutes: float = 5, **fields: object) -> HookDelivery:
    return HookDelivery.model_validate(
        {
            "delivery_id": number,
            "guid": guid,
            "event": "workflow_run",
            "action": "completed",
            "status_code": code,
            "delivered_at": NOW - timedelta(minutes=minutes),
            **fields,
        }
    )


def test_what_no_attempt_has_brought_is_asked_for_again():
    """The latest attempt, the oldest delivery first; not what was taken, is under way, or means nothing."""
    deliveries = [
        attempt(1, "lost", code=0, minutes=9),
        attempt(2, "refused"),
        attempt(3, "taken", code=202),
        attempt(4, "taken later"),
        attempt(5, "taken later", code=202, minutes=4),
        attempt(6, "tried again", minutes=8),
        attempt(7, "tried again", minutes=7),
        attempt(8, "under way", code=0, minutes=0.1),
        attempt(9, "means nothing", event="push", action=None),
        *[attempt(20 + number, "hopeless") for number in range(ATTEMPTS)],
    ]
    assert to_redeliver(deliveries, NOW, settled=SETTLED) == [1, 7, 2]
