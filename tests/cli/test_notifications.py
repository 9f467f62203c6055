"""What a person sees of notifications that went wrong."""

import pytest

from cli.pipeline_files import write

pytestmark = pytest.mark.asyncio(loop_scope="module")

TELLING = """
name: telling
steps: {pause: {wait: 1s}}
notify:
  - {on: success, webhook: 'env:A_WEBHOOK_THAT_NOBODY_SET'}
  - {on: success, commit-status: {repository: acme/library}}
"""


async def test_what_could_not_be_told_is_shown_with_the_reason(scene, tmp_path):
    """The pipeline has succeeded all the same; the account lists what was told too."""
    run = await scene.run("pipeline", "run", write(tmp_path, telling=TELLING), "--id", "told")
    assert run.process.returncode == 0, run.output
    assert "warning: a notification failed: perdure run show pipeline/telling/told says why" in run.output
    shown = "".join((await scene.run("run", "show", "telling/told")).stdout)
    assert "state: succeeded" in shown
    head, _, rest = shown.partition("notifications that failed:\n")
    assert "could not tell" not in head
    [line] = rest.splitlines()
    assert line.endswith(
        "could not tell env:A_WEBHOOK_THAT_NOBODY_SET of success: "
        "env:A_WEBHOOK_THAT_NOBODY_SET is empty or not set"
    )
    account = "".join((await scene.run("run", "audit", "telling/told")).stdout)
    assert "told commit status telling at acme/library of success" in account
    assert "could not tell env:A_WEBHOOK_THAT_NOBODY_SET of success" in account
