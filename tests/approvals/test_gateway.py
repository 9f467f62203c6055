"""The gateway against an emulated GitHub's people and teams."""

import httpx2
import pytest

from approvals.deciding import CAROL, a_request
from perdure.emulator import EmulatorSettings, Team, User
from perdure.model.approvals import How, Verdict
from perdure.web import People, create_app

TOKENS = {"alices-token": "alice", "bobs-token": "bob", "carols-token": "carol", "eves-token": "eve"}


@pytest.fixture
def emulator_settings():
    return EmulatorSettings(
        timing="fast",
        users=tuple(User(login=login, id=number) for number, login in enumerate(TOKENS.values(), 101)),
        teams=(Team(organization="acme", slug="release", members=("bob", "carol")),),
        tokens={"any-token": "alice", **TOKENS},
    )


@pytest.fixture
async def gateway(guarded, key):
    """Ask the gateway as somebody."""
    people = People(guarded.emulator.api_url)
    app = create_app(guarded.client, people, key, hosts=("approvals.example.com",))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8400"
    ) as http:

        async def asked(method, path="", *, by="alice", headers=None, **options):
            token = {"Authorization": f"Bearer {by}s-token"} if by else {}
            return await http.request(
                method, f"/api/approvals{path}", headers={**token, **(headers or {})}, **options
            )

        yield asked
    await people.close()


def a_body(approval_or_progress, verdict="approved", **fields):
    return {"verdict": verdict, "digest": a_request().digest, **fields}


async def test_people_decide_with_their_own_tokens(gateway, ask):
    """A person by name and one by team; the decision says who, by number, and is signed."""
    approval = await ask(approvers=("alice", "team:acme/release"), quorum=2)
    first = await gateway("POST", f"/{approval.id}/decide", json=a_body(approval, comment="fine"))
    assert (first.status_code, first.json()["approvals_missing"]) == (200, 1)
    second = await gateway("POST", f"/{approval.id}/decide", by="bob", json=a_body(approval))
    assert second.json()["result"]["verdict"] == "approved"
    decisions = (await approval.result()).decisions
    assert [(decision.approver.login, decision.approver.user_id) for decision in decisions] == [
        ("alice", 101),
        ("bob", 102),
    ]
    assert [decision.entitled_as for decision in decisions] == ["alice", "team:acme/release"]
    assert {decision.how for decision in decisions} == {How.SIGNED}
    assert decisions[0].comment == "fine"


@pytest.mark.parametrize(
    ("by", "fields", "status", "reason"),
    [
        ("eve", {}, 403, "not-entitled"),
        ("carol", {}, 403, "self-approval"),
        ("alice", {"digest": "sha256:older"}, 409, "other-digest"),
        ("alice", {"form": {"percent": 1}}, 422, "bad-form"),
        ("alice", {"verdict": "maybe"}, 422, None),
        ("alice", {"approver": {"login": "bob"}}, 422, None),
        ("nobody", {}, 401, None),
        (None, {}, 401, None),
    ],
)
async def test_what_does_not_count_is_a_problem(gateway, ask, by, fields, status, reason):
    """Status, reason and what to change, as problem JSON."""
    approval = await ask(approvers=("alice", "team:acme/release"), requester=CAROL)
    answer = await gateway("POST", f"/{approval.id}/decide", by=by, json={**a_body(approval), **fields})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json().get("reason")) == (status, reason)
    assert (await approval.progress()).decisions == ()


async def test_a_decision_is_final(gateway, ask):
    """The second answer says so."""
    approval = await ask(approvers=("alice", "bob"), quorum=2)
    body = a_body(approval)
    assert (await gateway("POST", f"/{approval.id}/decide", json=body)).status_code == 200
    again = await gateway("POST", f"/{approval.id}/decide", json=body | {"verdict": "rejected"})
    assert (again.status_code, again.json()["reason"]) == (409, "decided-already")


async def test_everybody_sees_the_open_approvals_and_their_own(gateway, ask):
    """``mine`` are those that wait for the person: not what they started, not what they decided."""
    named = await ask(approvers=("alice",))
    team = await ask(approvers=("team:acme/release",), requester=CAROL)
    decided = await ask(approvers=("alice", "bob"), quorum=2)
    await gateway("POST", f"/{decided.id}/decide", json=a_body(decided))

    async def listed(by, path):
        answer = await gateway("GET", path, by=by)
        ids = {found["id"] for found in answer.json()["approvals"]}
        return [approval for approval in (named, team, decided) if approval.id in ids]

    assert await listed("eve", "") == [named, team, decided]
    assert await listed("alice", "?mine=true") == [named]
    assert await listed("bob", "?mine=true") == [team, decided]
    assert await listed("carol", "?mine=true") == []
    assert await listed("eve", "?mine=true") == []


async def test_an_approval_is_shown(gateway, ask):
    """With the digest that a decision has to name; unknown ones are 404."""
    approval = await ask()
    shown = await gateway("GET", f"/{approval.id}")
    assert shown.json()["digest"] == a_request().digest
    short = await gateway("GET", f"/{approval.id.removeprefix('approval/')}")
    assert short.json()["id"] == approval.id
    missing = await gateway("GET", "/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:perdure:ApprovalNotKnownError")


async def test_a_gateway_that_workers_do_not_know_says_whose_mistake_it_is(idle_house, key, gateway, ask):
    """The person can do nothing about it: the hint is for who runs the worker."""
    from approvals.deciding import new_key

    people = People(idle_house.emulator.api_url)
    app = create_app(idle_house.client, people, new_key())
    approval = await ask(approvers=("alice",))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://localhost"
    ) as http:
        answer = await http.post(
            f"/api/approvals/{approval.id}/decide",
            headers={"Authorization": "Bearer alices-token"},
            json=a_body(approval),
        )
    await people.close()
    assert answer.status_code == 502
    assert "public_key" in answer.json()["hint"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example.com"}, 421),
        ({"Host": "approvals.example.com"}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8400"}, 200),
    ],
)
async def test_pages_of_other_sites_get_nothing(gateway, headers, status):
    """Neither by a name that leads here, nor through somebody's browser."""
    answer = await gateway("GET", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") is None


async def test_too_much_is_not_read(gateway, ask):
    """With a length or without one."""
    approval = await ask()

    async def endless():
        for _ in range(100):
            yield b" " * 10_000

    for content in (b" " * 1_000_000, endless()):
        answer = await gateway("POST", f"/{approval.id}/decide", content=content)
        assert answer.status_code == 413


async def test_it_describes_itself(guarded, key):
    """OpenAPI names every route, how to say who one is, and the problems."""
    described = create_app(guarded.client, People("https://api.github.com"), key).openapi()
    assert set(described["paths"]) == {
        "/api/approvals",
        "/api/approvals/{approval_id}",
        "/api/approvals/{approval_id}/decide",
        "/api/jobs/result",
    }
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "409" in described["paths"]["/api/approvals/{approval_id}/decide"]["post"]["responses"]


async def test_what_github_says_is_known_for_a_minute_and_asked_anew_to_decide(guarded):
    """Lists stay cheap; a decision counts the membership of that moment."""
    seconds = [0.0]
    people = People(guarded.emulator.api_url, clock=lambda: seconds[0])

    def asked():
        return guarded.emulator.requests.count("GET", "/user")

    before = asked()
    bob = await people.person("bobs-token")
    await people.person("bobs-token")
    assert asked() == before + 1
    await people.person("bobs-token", fresh=True)
    assert asked() == before + 2
    seconds[0] = 61.0
    await people.person("bobs-token")
    assert asked() == before + 3
    assert await people.teams("bobs-token", bob, ("alice", "team:acme/release", "team:acme/none")) == (
        "acme/release",
    )
    await people.close()


def test_the_verdicts_of_the_api_are_those_of_the_model():
    """Whoever writes a client finds the same words everywhere."""
    assert [verdict.value for verdict in Verdict] == ["approved", "rejected"]
