import pytest

from cli.local_processes import perdure, processes_of
from review.model_server import MODEL, model_server


async def test_the_demo_of_a_review_ends_with_the_approved_fix(tmp_path):
    """One command, no account and no key: findings of real analysers, the review, an approval, the commit."""
    async with perdure(
        "demo", "--review", cwd=tmp_path, TMPDIR=str(tmp_path), GITHUB_TOKEN="not-used"
    ) as run:
        assert await run.ends(within=100) == 0, run.output
    shown = "".join(run.stdout)
    assert "shop/orders.py:3: note: `os` imported but unused [ruff F401]\n" in shown
    assert "[zizmor template-injection]\n" in shown
    assert "[detect-secrets aws-access-key]\n" in shown
    assert "verdict: findings\n" in shown
    assert "decision: approved the safe ones\n" in shown
    assert "fix: committed " in shown
    assert "/acme/shop/pull/1#pullrequestreview-" in shown
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
async def test_the_demo_asks_a_model_that_is_named(tmp_path):
    """With PERDURE_MODEL the same command has a model review too."""
    async with model_server() as server:
        named = {"PERDURE_MODEL": f"openai:{MODEL}@{server.base_url}"}
        async with perdure("demo", "--review", cwd=tmp_path, TMPDIR=str(tmp_path), **named) as run:
            assert await run.ends(within=100) == 0, run.output
    assert server.total >= 1
    assert "cost: $" in "".join(run.stdout)
