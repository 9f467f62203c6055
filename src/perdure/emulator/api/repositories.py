"""Repositories, branches, tags, commits and who may do what.

https://docs.github.com/en/rest/repos and https://docs.github.com/en/rest/branches
"""

from perdure.emulator.auth import InstallationIdentity, UserIdentity
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_REPO = "/repos/{owner}/{repo}"


@routes.on("GET", _REPO, permission="metadata=read", docs="repos/repos#get-a-repository")
async def get_repository(call: Call) -> Answer:
    """Return a repository."""
    return Answer(body=call.bodies.full_repository(call.repository, _role(call)))


@routes.on(
    "GET",
    "/user/repos",
    docs="repos/repos#list-repositories-for-the-authenticated-user",
    permission="metadata=read",
)
async def list_own_repositories(call: Call) -> Answer:
    """List what the person who asks can see."""
    found = [one for one in call.services.repositories.all() if call.identity.reaches(one.full_name)]
    page, headers = call.page(found)
    return Answer(body=[call.bodies.full_repository(one, "admin") for one in page], headers=headers)


@routes.on("GET", "/orgs/{account}/repos", docs="repos/repos#list-organization-repositories")
@routes.on("GET", "/users/{account}/repos", docs="repos/repos#list-repositories-for-a-user")
async def list_account_repositories(call: Call) -> Answer:
    """List the repositories of an account."""
    owner = call.params["account"].lower()
    owned = [one for one in call.services.repositories.all() if one.owner.lower() == owner]
    if not owned and call.services.authentication.user(owner) is None:
        raise ApiError(404, "Not Found")
    found = [one for one in owned if call.identity.reaches(one.full_name)]
    page, headers = call.page(found)
    return Answer(body=[call.bodies.full_repository(one) for one in page], headers=headers)


@routes.on("GET", _REPO + "/branches", permission="contents=read", docs="branches/branches#list-branches")
async def list_branches(call: Call) -> Answer:
    """List branches."""
    repository = call.repository
    page, headers = call.page(list(repository.refs("refs/heads/").items()))
    bodies = [call.bodies.branch(repository, ref.removeprefix("refs/heads/"), sha) for ref, sha in page]
    return Answer(body=bodies, headers=headers)


@routes.on(
    "GET", _REPO + "/branches/{branch*}", permission="contents=read", docs="branches/branches#get-a-branch"
)
async def get_branch(call: Call) -> Answer:
    """Return a branch."""
    repository, name = call.repository, call.params["branch"]
    resolved = repository.resolve(f"refs/heads/{name}")
    if resolved is None:
        raise ApiError(404, "Branch not found")
    return Answer(body=call.bodies.full_branch(repository, name, repository.commit(resolved.sha)))


@routes.on("GET", _REPO + "/tags", permission="contents=read", docs="repos/repos#list-repository-tags")
async def list_tags(call: Call) -> Answer:
    """List tags."""
    repository = call.repository
    page, headers = call.page(list(repository.refs("refs/tags/").items()))
    api = f"{call.links.api}/repos/{repository.full_name}"
    bodies = []
    for ref, sha in page:
        name, commit = ref.removeprefix("refs/tags/"), repository.peel(sha)
        bodies.append(
            {
                "name": name,
                "zipball_url": f"{api}/zipball/{ref}",
                "tarball_url": f"{api}/tarball/{ref}",
                "commit": {"sha": commit, "url": f"{api}/commits/{commit}"},
                "node_id": call.bodies.ref(repository, ref, sha)["node_id"],
            }
        )
    return Answer(body=bodies, headers=headers)


@routes.on("GET", _REPO + "/commits", permission="contents=read", docs="commits/commits#list-commits")
async def list_commits(call: Call) -> Answer:
    """List commits, newest first."""
    repository = call.repository
    commit = repository.find_commit(call.query("sha") or repository.default_branch)
    if commit is None:
        raise ApiError(404, "Not Found")
    page, headers = call.page(repository.history(commit.sha, 10_000))
    bodies = [call.bodies.commit(repository, repository.commit(sha)) for sha in page]
    return Answer(body=bodies, headers=headers)


@routes.on("GET", _REPO + "/commits/{ref*}", permission="contents=read", docs="commits/commits#get-a-commit")
async def get_commit(call: Call) -> Answer:
    """Return a commit by branch, tag or hash."""
    ref = call.params["ref"]
    commit = call.repository.find_commit(ref)
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    if "application/vnd.github.sha" in call.request.headers.get("accept", ""):
        return Answer(content=commit.sha.encode(), media_type="application/vnd.github.sha")
    return Answer(body=call.bodies.commit(call.repository, commit))


@routes.on(
    "GET",
    _REPO + "/collaborators/{login}/permission",
    permission="metadata=read",
    docs="collaborators/collaborators#get-repository-permissions-for-a-user",
)
async def get_permission(call: Call) -> Answer:
    """Return what a person may do."""
    user = call.services.authentication.user(call.params["login"])
    if user is None:
        raise ApiError(404, f"{call.params['login']} is not a user")
    role = UserIdentity(user).role(call.repository.full_name)
    permissions = {
        "admin": role == "admin",
        "maintain": role == "admin",
        "push": role in ("admin", "write"),
        "triage": role in ("admin", "write"),
        "pull": role != "none",
    }
    account = {**call.bodies.account(user.login), "permissions": permissions, "role_name": role}
    return Answer(body={"permission": role, "role_name": role, "user": account})


def _role(call: Call) -> str:
    identity = call.identity
    if isinstance(identity, InstallationIdentity):
        return "write" if identity.allows("contents=write", None) else "read"
    return identity.role(call.repository.full_name) if isinstance(identity, UserIdentity) else "read"
