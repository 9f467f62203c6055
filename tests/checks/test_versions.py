"""Which patches are in the code, who may reach them, and when they may go."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from perdure.checks.named_workflows import workflows_named
from perdure.checks.patches import Call, find_patches
from perdure.checks.versions import Advice, advise
from perdure.cli import app
from perdure.cli._worker_build import Build, with_build
from perdure.config import Settings, WorkerSettings
from perdure.engine.deployments import BuildSummary, deployment_config
from perdure.errors import UsageError
from perdure.workflows.registry import WORKFLOWS

PARTS = {
    "patched_shop/__init__.py": "",
    "patched_shop/orders.py": """
from temporalio import workflow
from temporalio.workflow import patched as changed, defn
import temporalio.workflow as wf
import temporalio.workflow
from . import steps
from .names import *

SECOND = "second"

@workflow.defn
class Order:
    @workflow.run
    async def run(self) -> None:
        if workflow.patched("first"):
            await steps.pay()
        if changed(SECOND):
            wf.deprecate_patch(id="third")

@defn(name="Returned")
class Return:
    @wf.run
    async def run(self) -> None:
        temporalio.workflow.patched(f"made-{1}")

class NoWorkflow:
    def patched(self, id): ...
    def go(self):
        self.patched("not one")
""",
    "patched_shop/steps.py": """
from temporalio import workflow
from patched_shop.deep.inside import check

async def pay() -> None:
    workflow.patched("shared")
    check()
""",
    "patched_shop/names.py": "def patched(id): return id\npatched('a function of their own')\n",
    "patched_shop/deep/__init__.py": "",
    "patched_shop/deep/inside.py": "import temporalio.workflow as w\n\ncheck = lambda: w.patched('deep')\n",
    "patched_shop/other.py": "from temporalio import workflow\nworkflow.patched('nobody imports it')\n",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    for name, text in PARTS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "patched_shop"


def found(calls):
    return {(call.id, call.call, call.workflow_types) for call in calls}


ALL = ("Order", "Returned")
IN_ORDERS = {
    ("first", Call.PATCHED, ("Order",)),
    ("second", Call.PATCHED, ("Order",)),
    ("third", Call.DEPRECATED, ("Order",)),
    ("", Call.PATCHED, ("Returned",)),
}


def test_patches_are_found_with_the_workflows_that_may_reach_them(shop, monkeypatch):
    """However they are imported and called; a function's are those of all who import it."""
    monkeypatch.syspath_prepend(str(shop.parent))
    calls = find_patches(workflows_named(["patched_shop.orders"]))
    assert found(calls) == IN_ORDERS | {("shared", Call.PATCHED, ALL), ("deep", Call.PATCHED, ALL)}
    [line] = [
        Path(call.file).read_text().splitlines()[call.line - 1] for call in calls if call.id == "second"
    ]
    assert line.strip() == "if changed(SECOND):"


def test_code_is_looked_through_without_importing_it(shop):
    """Nothing of it runs, and what nobody is seen to import counts for all of its workflows."""
    (shop / "explodes.py").write_text("raise SystemExit('imported')")
    assert found(find_patches([], [shop])) == IN_ORDERS | {
        (id, Call.PATCHED, ALL) for id in ("shared", "deep", "nobody imports it")
    }


def test_every_patch_of_perdure_belongs_to_a_workflow():
    """One that no registered workflow reaches would never be seen to be over."""
    names = {call.workflow_types for call in find_patches(WORKFLOWS)}
    assert all(names)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "is not there"), ("def (:\n", "cannot be read as Python"), ("\0", "cannot be read")],
)
def test_code_that_cannot_be_read_is_named(tmp_path, text, said):
    """A patch in it would be missed."""
    path = tmp_path / "code.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=said):
        find_patches([], [path])


@pytest.mark.parametrize(
    ("call", "running_without", "needing", "took_old", "advice"),
    [
        (Call.PATCHED, 1, 0, None, Advice.KEEP),
        (Call.PATCHED, 0, 0, None, Advice.DEPRECATE),
        (Call.PATCHED, 0, 7, None, Advice.DEPRECATE),
        (Call.DEPRECATED, 0, 1, None, Advice.KEEP),
        (Call.DEPRECATED, 9, 1, None, Advice.KEEP),
        (Call.DEPRECATED, 9, 0, None, Advice.REMOVE),
        (None, 0, 1, None, Advice.LOST),
        (Call.PATCHED, 5, 0, 1, Advice.KEEP),
        (Call.PATCHED, 5, 0, 0, Advice.DEPRECATE),
    ],
)
def test_a_patch_goes_when_nobody_needs_it(call, running_without, needing, took_old, advice):
    """First the old code, then the call; never while a workflow that runs needs it."""
    found, why = advise(call, running_without=running_without, needing=needing, took_old=took_old)
    assert found is advice
    assert why


@pytest.mark.parametrize(
    ("running", "workers", "is_deserted"), [(1, (), True), (1, ("a",), False), (0, (), False)]
)
def test_workflows_on_a_build_without_workers_are_an_alarm(running, workers, is_deserted):
    """They would wait for ever and say nothing themselves."""
    build = BuildSummary(deployment="shop", build_id="1", state="draining", running=running, workers=workers)
    assert build.is_deserted is is_deserted


NAMED = WorkerSettings(deployment="shop", build_id="1", versioning="auto-upgrade")


@pytest.mark.parametrize(
    ("settings", "typed", "named"),
    [
        (WorkerSettings(), {}, None),
        (WorkerSettings(), {"deployment": "shop", "build_id": "1.2.0+abc"}, ("shop", "1.2.0+abc", "PINNED")),
        (NAMED, {}, ("shop", "1", "AUTO_UPGRADE")),
        (NAMED, {"build_id": "2"}, ("shop", "2", "AUTO_UPGRADE")),
    ],
)
def test_a_worker_names_its_build(settings, typed, named):
    """What is typed comes before the settings."""
    config = deployment_config(with_build(Settings(worker=settings), Build(**typed)).worker)
    if named is None:
        assert config is None
    else:
        version, behavior = config.version, config.default_versioning_behavior
        assert (version.deployment_name, version.build_id, behavior.name) == named
        assert config.use_worker_versioning


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ({"deployment": "shop"}, "add --build-id ID"),
        ({"build_id": "1"}, "add --deployment NAME"),
        ({"deployment": "shop.eu", "build_id": "1"}, "a deployment has letters"),
        ({"deployment": "shop", "build_id": "one two"}, "a build may have dots"),
    ],
)
def test_half_a_build_is_refused(typed, hint):
    """The server would refuse it with words of its own, or take all work for unversioned."""
    with pytest.raises(UsageError) as refused:
        with_build(Settings(), Build(**typed))
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--path", "nowhere"), "nowhere is not there"),
        (("--workflows", "no.such"), "no.such cannot be imported"),
    ],
)
def test_code_that_is_not_there_is_said_before_anybody_is_asked(options, said):
    """A wrong name is not taken for code without patches."""
    answer = CliRunner().invoke(app, ["versions", *options])
    assert answer.exit_code == 2
    assert said in answer.stderr


def test_an_engine_that_is_away_is_status_4(tmp_path, monkeypatch):
    """All commands that ask it say so in the same words."""
    monkeypatch.chdir(tmp_path)
    for words in (["versions"], ["timeouts"], ["replay", "check", "--live"], ["replay", "export", "-o", "x"]):
        answer = CliRunner().invoke(app, [*words, "--address", "127.0.0.1:9"])
        assert answer.exit_code == 4, answer.output
        assert "no Temporal server answers at 127.0.0.1:9" in answer.stderr
    assert list(tmp_path.iterdir()) == []
