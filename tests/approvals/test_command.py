"""``perdure approval`` and ``perdure web`` as people type them."""

import contextlib
import json
import re
import stat

import pytest

from approvals.conftest import until
from approvals.deciding import ALICE
from cli.local_processes import perdure
from perdure.config import ApprovalSettings
from perdure.emulator import EmulatorSettings, Team, User
from perdure.engine.approvals import list_approvals
from perdure.web import new_private_key


@pytest.fixture
def emulator_settings():
    return EmulatorSettings(
        timing="fast",
        users=(User(login="alice", id=101), User(login="bob", id=102)),
        teams=(Team(organization="acme", slug="release", members=("bob",)),),
        tokens={"any-token": "alice", "alices-token": "alice", "bobs-token": "bob"},
    )


@pytest.fixture
def type_in(temporal_server, tmp_path):
    """Type a command, and return its status and what it printed."""

    async def typed(*words, **variables):
        variables = {"TEMPORAL_ADDRESS": temporal_server.address, **variables}
        async with perdure(*words, cwd=tmp_path, **variables) as run:
            status = await run.ends()
        return status, "".join(run.stdout), "".join(run.stderr)

    return typed


async def listed(house, approval):
    """Wait until lists show it: they lag a little behind."""
    await until(lambda: is_listed(house, approval))


async def is_listed(house, approval):
    return approval.id in {found.id for found in (await list_approvals(house.client, limit=10)).approvals}


async def test_people_decide_on_their_own_machine(house, ask, type_in):
    """Taken at their word, and told so."""
    approval = await ask(form={"percent": {"type": "integer", "default": 10}}, requester=ALICE)
    approval_of_two = await ask(approvers=("alice", "bob"), quorum=2, message="Deploy\x1b[2J?")
    await listed(house, approval_of_two)
    status, out, _ = await type_in("approval", "list", "--mine", "--as", "bob", "--json")
    ids = {json.loads(line)["id"] for line in out.splitlines()}
    assert (status, {approval.id, approval_of_two.id} <= ids) == (0, True)
    _, out, _ = await type_in("approval", "list")
    assert f"{approval_of_two.id}\talice, bob\t2\t" in out
    assert "\x1b" not in out

    status, _, said = await type_in("approval", "approve", approval_of_two.id, "--as", "bob", "-m", "fine")
    assert status == 0, said
    assert "nobody checked who you are" in said
    assert "1 more has to approve: alice" in said
    status, _, said = await type_in("approval", "approve", approval_of_two.id, "--as", "eve")
    assert (status, "eve is not among those who may decide" in said) == (2, True)
    status, out, _ = await type_in("approval", "reject", approval_of_two.id, "--as", "alice")
    assert (status, out) == (0, "verdict: rejected\n")
    status, out, _ = await type_in("approval", "show", approval_of_two.id)
    assert "state: rejected (decided)" in out
    assert "approved by bob (local: nobody checked who): fine" in out
    status, _, said = await type_in("approval", "approve", approval_of_two.id, "--as", "alice")
    assert (status, "over already" in said or "rejected already" in said) == (2, True)


async def test_people_decide_through_a_gateway(idle_house, ask, type_in, temporal_server, tmp_path):
    """It knows them by their tokens; nothing else counts any more."""
    key = new_private_key(tmp_path / "approvals.pem")
    variables = {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "PERDURE_GITHUB_URL": idle_house.emulator.api_url,
        "PERDURE_APPROVALS_PRIVATE_KEY": f"file:{tmp_path / 'approvals.pem'}",
    }
    approvals = ApprovalSettings(public_key=(key.public_key,))
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(idle_house.workers(approvals=approvals))
        web = await stack.enter_async_context(perdure("web", "--port", "0", cwd=tmp_path, **variables))
        await web.says("gateway ready: ")
        url = re.search(r"http://[0-9.:]+", web.output)[0]
        approval = await ask(approvers=("alice", "team:acme/release"), quorum=2)
        await listed(idle_house, approval)

        async def typed(*words, token="alices-token"):
            return await type_in("approval", *words, PERDURE_APPROVALS_GATEWAY=url, PERDURE_USER_TOKEN=token)

        status, _, said = await type_in("approval", "approve", approval.id)
        assert (status, "through a gateway" in said) == (2, True)
        status, _, said = await typed("approve", approval.id, "--as", "bob")
        assert (status, "--as is for local mode" in said) == (2, True)
        status, _, said = await typed("approve", approval.id, token="nobodys-token")
        assert (status, "GitHub does not accept the token" in said) == (4, True)
        status, out, _ = await typed("list", "--mine", "--json")
        assert approval.id in {json.loads(line)["id"] for line in out.splitlines()}
        status, _, said = await typed("approve", approval.id)
        assert (status, "nobody checked" in said) == (0, False), said
        status, _, said = await typed("approve", approval.id)
        assert (status, "has decided already" in said) == (2, True)
        status, out, said = await typed("approve", approval.id, token="bobs-token")
        assert (status, out) == (0, "verdict: approved\n"), said
        assert "as bob" in said
        assert (await approval.result()).approved
        web.process.terminate()
        assert await web.ends() == 0
    status, _, said = await typed("list")
    assert (status, "is `perdure web` running there?" in said) == (4, True)


async def test_a_key_is_made_for_its_owner_alone(type_in, tmp_path):
    """The public one is printed; another file is never overwritten."""
    status, out, _ = await type_in("web", "key", "new", "--out", "new.pem")
    assert (status, out.startswith("ed25519:")) == (0, True)
    assert stat.S_IMODE((tmp_path / "new.pem").stat().st_mode) == 0o600
    status, _, said = await type_in("web", "key", "new", "--out", "new.pem")
    assert (status, "there already" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("approval", "show", "nothing"), "there is no approval 'approval/nothing'"),
        (("approval", "approve", "nothing", "--form", "percent"), "takes key=value"),
        (("web",), "perdure web key new"),
    ],
)
async def test_bad_input_is_told_what_to_change(house, type_in, words, says):
    """With status 2 and no traceback."""
    status, _, said = await type_in(*words)
    assert (status, says in said) == (2, True), said
    assert "Traceback" not in said
