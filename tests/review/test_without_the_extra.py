"""Without the extra `review` everything else works, and what needs it says so."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

_BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "lancedb", "numpy", "pyarrow", "tree_sitter", "semble_grammars", "pydantic_ai", "openai",
            "anthropic", "unidiff", "detect_secrets", "zizmor",
        }:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
"""


def run(code):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, "-c", _BLOCKED + code], capture_output=True, text=True, env=environment, timeout=100
    )


def test_workers_workflows_and_the_plugin_start():
    """Whoever releases and never reviews installs 600 MB less."""
    done = run("import perdure.cli, perdure.engine.workers, perdure.plugin, perdure.workflows.registry")
    assert done.returncode == 0, done.stderr


def test_a_worker_for_reviews_says_what_is_missing():
    """And how to get it."""
    done = run(
        "from importlib import util\n"
        "util.find_spec = lambda name: None\n"
        "from perdure.engine import review_workers\n"
        "from perdure.errors import UsageError\n"
        "try:\n"
        "    review_workers.require_review()\n"
        "except UsageError as error:\n"
        "    print(error, error.hint)\n"
    )
    assert "need the extra review" in done.stdout, done.stderr
    assert "pip install 'perdure[review]'" in done.stdout
