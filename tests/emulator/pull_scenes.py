"""A repository with a branch that changes three files, and the pull request of it."""

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import Repository, commit_files

BRANCH = "tidy"
APP = "import os\nimport sys\n\n\ndef main():\n    return 1\n"
CHANGED = "import os\nimport sys\nimport json\n\n\ndef main():\n    return 2\n"
PULLS = f"/repos/{REPOSITORY}/pulls"


def branch_off(root, *, files=None, branch=BRANCH, repository=REPOSITORY):
    """Put a file on main, change it on a branch, and return the branch's commit."""
    found = Repository(repository, root / f"{repository}.git")
    commit_files(found, {"src/app.py": APP, "README.md": "# Octo\n"}, message="Add the app")
    return commit_files(
        found,
        files or {"src/app.py": CHANGED, "src/new.py": "x = 1\n", "README.md": "# Octo\n\nMore.\n"},
        branch=branch,
        message="Tidy up",
    )


def push(root, files, *, branch=BRANCH, repository=REPOSITORY):
    """Commit to a branch as somebody's git would."""
    return commit_files(Repository(repository, root / f"{repository}.git"), files, branch=branch)


async def open_pull(client, *, head=BRANCH, **more):
    """Open a pull request and return its body."""
    answer = await client.post(PULLS, json={"title": "Tidy", "head": head, "base": "main", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()
