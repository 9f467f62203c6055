"""Apps, installation tokens and plain tokens, accepted and refused as GitHub does."""

from datetime import datetime, timedelta

import jwt
import pytest

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import OCTOCAT, App, GitHubEmulator, Installation, User

DISPATCH = f"/repos/{REPOSITORY}/actions/workflows/echo.yml/dispatches"
BODY = {"ref": "main", "inputs": {"message": "hello"}}


@pytest.fixture
async def emulator(root, clock, app):
    reader = User(login="reader", id=2, role="read")
    users = {"users": (OCTOCAT, reader), "tokens": {"mine": "octocat", "theirs": "reader"}}
    async with GitHubEmulator(root, apps=(app,), clock=clock, **users) as running:
        yield running


@pytest.fixture
def mint(client, sign):
    """Make an installation token through the API, with this request body."""

    async def make(**body):
        headers = {"authorization": f"Bearer {sign()}"}
        found = (await client.get(f"/repos/{REPOSITORY}/installation", headers=headers)).json()
        answer = await client.post(found["access_tokens_url"], headers=headers, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


def bearer(token):
    return {"authorization": f"token {token}"}


@pytest.mark.parametrize("issuer", ["app id", "client id"])
async def test_an_app_is_known_by_its_jwt(client, app, sign, issuer):
    """An App identifies itself by its number or its client id."""
    token = sign(iss={"app id": str(app.id), "client id": app.client_id}[issuer])
    answer = await client.get("/app", headers=bearer(token))

    assert answer.json()["slug"] == "perdure"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iss": "999"}, "Integration not found"),
        ({"exp": None}, "Missing 'expiration time' ('exp') claim"),
        ({"exp": 4102444800}, "'Expiration time' claim ('exp') is too far in the future"),
        ({"exp": 1600000000}, "must be a numeric value representing the future time"),
        ({"iat": 4102444800}, "'Issued at' claim ('iat') must be an Integer"),
    ],
)
async def test_a_jwt_that_github_would_refuse_is_refused(client, sign, changes, message):
    """Issuer, expiry, lifetime and issue time are checked, with GitHub's texts."""
    answer = await client.get("/app", headers=bearer(sign(**changes)))

    assert answer.status_code == 401
    assert message in answer.json()["message"]


async def test_a_jwt_of_another_key_is_refused(client, app):
    """A signature that the App's public key does not confirm is none."""
    claims = {"iss": str(app.id), "exp": int(datetime.now().timestamp()) + 60}  # noqa: DTZ005 - a number
    forged = jwt.encode(claims, "x" * 64, "HS256")
    answer = await client.get("/app", headers=bearer(forged))

    assert (answer.status_code, answer.json()["message"]) == (401, "A JSON web token could not be decoded")


async def test_an_installation_token_dispatches(client, mint, emulator):
    """A token as long and dotted as GitHub's own does what the installation may, in the App's name."""
    made = await mint()
    answer = await client.post(DISPATCH, json=BODY, headers=bearer(made["token"]))

    assert answer.status_code == 200
    assert made["token"].startswith("ghs_1234_")
    assert 510 <= len(made["token"]) <= 530
    assert made["token"].count(".") == 2
    assert emulator.runs[0].actor == "perdure[bot]"


async def test_a_token_ends_with_its_hour(client, mint, clock):
    """After its lifetime, or once given back, a token is refused with Bad credentials."""
    made, given_back = await mint(), await mint()
    await client.delete("/installation/token", headers=bearer(given_back["token"]))
    early = await client.get(f"/repos/{REPOSITORY}", headers=bearer(given_back["token"]))
    clock.ahead = timedelta(hours=1, seconds=1)
    late = await client.get(f"/repos/{REPOSITORY}", headers=bearer(made["token"]))

    for answer in (early, late):
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


async def test_all_tokens_can_be_made_to_expire(client, mint, emulator):
    """For tests of renewal: what was minted before is refused, what is minted afterwards works."""
    old = await mint()
    emulator.authentication.expire_tokens()
    new = await mint()
    statuses = [
        (await client.get(f"/repos/{REPOSITORY}", headers=bearer(one["token"]))).status_code
        for one in (old, new)
    ]

    assert statuses == [401, 200]


async def test_a_token_is_limited_to_its_repositories(client, mint):
    """Repositories outside the token do not exist for it."""
    made = await mint(repositories=["octo-repo"])
    inside = await client.get(f"/repos/{REPOSITORY}", headers=bearer(made["token"]))
    outside = await client.get("/repos/octo-org/other", headers=bearer(made["token"]))

    assert (inside.status_code, outside.status_code) == (200, 404)
    assert [one["full_name"] for one in made["repositories"]] == [REPOSITORY]


async def test_a_missing_permission_is_named(client, mint, emulator):
    """A token without the permission is refused, and a header says which it needs."""
    made = await mint(permissions={"actions": "read"})
    answer = await client.post(DISPATCH, json=BODY, headers=bearer(made["token"]))

    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert answer.headers["x-accepted-github-permissions"] == "actions=write"
    assert emulator.runs == []


async def test_more_than_was_granted_is_refused(client, sign):
    """A token for permissions or repositories that the installation lacks is answered 422."""
    headers = bearer(sign())
    url = (await client.get(f"/repos/{REPOSITORY}/installation", headers=headers)).json()["access_tokens_url"]
    permissions = await client.post(url, headers=headers, json={"permissions": {"administration": "write"}})
    repositories = await client.post(url, headers=headers, json={"repositories": ["nowhere"]})

    assert (permissions.status_code, repositories.status_code) == (422, 422)
    assert "not granted to this installation" in permissions.json()["message"]


async def test_a_suspended_installation_is_refused(client, mint, sign, emulator, clock):
    """While it is suspended neither old tokens work nor new ones are made."""
    made = await mint()
    url = (await client.get(f"/repos/{REPOSITORY}/installation", headers=bearer(sign()))).json()[
        "access_tokens_url"
    ]
    emulator.authentication.suspended[int(url.split("/")[-2])] = clock()
    used = await client.get(f"/repos/{REPOSITORY}", headers=bearer(made["token"]))
    minted = await client.post(url, headers=bearer(sign()), json={})

    assert (used.status_code, minted.status_code) == (403, 403)
    assert used.json()["message"] == "This installation has been suspended"


async def test_an_installation_reaches_what_it_is_installed_on(root, connect, app, sign):
    """A repository outside the installation has none."""
    installation = Installation(id=5, account="octo-org", repositories=(REPOSITORY,))
    limited = App(id=app.id, slug=app.slug, public_key=app.public_key, installations=(installation,))
    async with (
        GitHubEmulator(root, apps=(limited,)) as emulator,
        connect(emulator, **bearer(sign())) as client,
    ):
        assert (await client.get(f"/repos/{REPOSITORY}/installation")).json()["id"] == 5
        assert (await client.get("/repos/octo-org/other/installation")).status_code == 404


async def test_an_open_emulator_takes_any_token(root, connect):
    """Without Apps and tokens in the settings, any token is the first user's; none at all is nobody's."""
    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        logins = [
            (await client.get("/user", headers=bearer(token))).json()["login"]
            for token in ("x", "ghs_x", "ghp_x.y")
        ]
        del client.headers["authorization"]
        nobody = await client.get("/user")

    assert logins == ["octocat"] * 3
    assert nobody.status_code == 401


async def test_plain_tokens_belong_to_people_with_roles(client, emulator):
    """A person with read access reads and may not dispatch; an unknown token is nobody's."""
    mine = await client.post(DISPATCH, json=BODY, headers=bearer("mine"))
    theirs = await client.post(DISPATCH, json=BODY, headers=bearer("theirs"))
    read = await client.get(f"/repos/{REPOSITORY}", headers=bearer("theirs"))
    unknown = await client.get("/user", headers=bearer("unknown"))
    nobody = await client.get("/user", headers={"authorization": ""})

    assert (mine.status_code, theirs.status_code, read.status_code) == (200, 403, 200)
    assert (unknown.status_code, unknown.json()["message"]) == (401, "Bad credentials")
    assert nobody.status_code == 401
    assert [run.actor for run in emulator.runs] == ["octocat"]
