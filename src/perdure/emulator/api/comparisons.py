"""What lies between two commits.

https://docs.github.com/en/rest/commits/commits#compare-two-commits
"""

from perdure.emulator.diffs import commits_between, diff_files, merge_base
from perdure.emulator.repositories import Commit, Repository
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
MOST_FILES = 300


@routes.on(
    "GET",
    "/repos/{owner}/{repo}/compare/{basehead*}",
    permission="contents=read",
    docs="commits/commits#compare-two-commits",
)
async def compare(call: Call) -> Answer:
    """Compare ``BASE...HEAD``: from the commit where they parted to the head."""
    repository = call.repository
    first, dots, second = call.params["basehead"].partition("...")
    base, head = repository.find_commit(first), repository.find_commit(second)
    if not dots or base is None or head is None:
        raise ApiError(404, "Not Found")
    parted = merge_base(repository.folder, base.sha, head.sha)
    if parted is None:
        raise ApiError(404, f"No common ancestor between {first} and {second}.")
    ahead = commits_between(repository.folder, base.sha, head.sha)
    behind = commits_between(repository.folder, head.sha, base.sha)
    page, headers = call.page(ahead)
    files = diff_files(repository.folder, base.sha, head.sha)[:MOST_FILES]
    return Answer(
        body={
            **_links(call, repository, base, head),
            "base_commit": call.bodies.commit(repository, base),
            "merge_base_commit": call.bodies.commit(repository, repository.commit(parted)),
            "status": _status(len(ahead), len(behind)),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [call.bodies.commit(repository, repository.commit(sha)) for sha in page],
            "files": [call.bodies.diff_file(repository, head.sha, file) for file in files],
        },
        headers=headers,
    )


def _status(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


def _links(call: Call, repository: Repository, base: Commit, head: Commit) -> dict[str, object]:
    span = f"{base.sha}...{head.sha}"
    page = f"{call.links.html}/{repository.full_name}/compare/{span}"
    return {
        "url": f"{call.links.api}/repos/{repository.full_name}/compare/{span}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
    }
