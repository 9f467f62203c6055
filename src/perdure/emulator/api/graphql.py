"""The few GraphQL queries that ``gh`` sends: about a repository, its pull requests and oneself.

This is no GraphQL server: it looks at which fields are asked for and answers those.
"""

import re
from collections.abc import Mapping

from perdure.emulator.auth import UserIdentity
from perdure.emulator.bodies.graph_pulls import connection
from perdure.emulator.identifiers import node_id
from perdure.emulator.repositories import Repository
from perdure.emulator.wire import Answer, Call, Routes

routes = Routes()
_PERMISSIONS = {"admin": "ADMIN", "write": "WRITE", "read": "READ"}


@routes.on("POST", "/graphql", docs="graphql")
async def graphql(call: Call) -> Answer:
    """Answer a query about a repository or the person who asks."""
    body = await call.json()
    query, variables = str(body.get("query", "")), body.get("variables")
    found: dict[str, object] = {}
    identity = call.identity
    if re.search(r"\bviewer\b", query):
        login = identity.user.login if isinstance(identity, UserIdentity) else call.actor
        found["viewer"] = {"login": login, "id": call.bodies.account(login)["node_id"]}
    if re.search(r"\brepository\s*\(", query) and isinstance(variables, dict):
        owner, name = (str(variables.get(key, "")) for key in ("owner", "name"))
        repository = call.services.repositories.find(owner, name or str(variables.get("repo", "")))
        if repository is None or not identity.reaches(repository.full_name):
            return _missing(f"{owner}/{name}")
        if "projectItems(" in query:
            # `gh` takes no other field beside those of this query.
            found["repository"] = {"pullRequest": {"projectItems": connection([])}}
        else:
            pulls = _pulls(call, repository, query, variables)
            if pulls.get("pullRequest", pulls) is None:
                return _missing_pull(variables)
            found["repository"] = _repository(call, repository) | pulls
    if not found:
        message = "The emulator answers only GraphQL queries about `repository` and `viewer`."
        return Answer(body={"errors": [{"type": "NOT_IMPLEMENTED", "message": message}]})
    return Answer(body={"data": found})


def _repository(call: Call, repository: Repository) -> dict[str, object]:
    body = call.bodies.full_repository(repository, "admin")
    identity = call.identity
    role = identity.role(repository.full_name) if isinstance(identity, UserIdentity) else "write"
    blank = dict.fromkeys(("parent", "mirrorUrl", "primaryLanguage", "licenseInfo"))
    return {
        **blank,
        "id": body["node_id"],
        "name": repository.name,
        "nameWithOwner": repository.full_name,
        "owner": {"id": node_id("U", repository.id), "login": repository.owner},
        "url": body["html_url"],
        "description": "",
        "isPrivate": True,
        "isFork": False,
        "isArchived": False,
        "isEmpty": False,
        "isInOrganization": True,
        "hasIssuesEnabled": True,
        "hasWikiEnabled": False,
        "hasProjectsEnabled": False,
        "viewerPermission": _PERMISSIONS.get(role, "READ"),
        "defaultBranchRef": {"name": repository.default_branch},
        "mergeCommitAllowed": True,
        "rebaseMergeAllowed": True,
        "squashMergeAllowed": True,
        "visibility": "PRIVATE",
        "createdAt": body["created_at"],
        "updatedAt": body["updated_at"],
        "pushedAt": body["pushed_at"],
    }


def _pulls(
    call: Call, repository: Repository, query: str, variables: Mapping[str, object]
) -> dict[str, object]:
    pulls = call.services.pulls
    if re.search(r"\bpullRequest\s*\(", query):
        number = _number(variables)
        pull = pulls.find(repository, number) if isinstance(number, int) else None
        return {"pullRequest": call.bodies.graph_pull(pull) if pull else None}
    if re.search(r"\bpullRequests\s*\(", query):
        pulls.look(repository.full_name)
        states, head = variables.get("state", variables.get("states")), variables.get("headRefName")
        found = [
            pull
            for pull in pulls.of(repository)
            if (not isinstance(states, list) or pull.state.upper() in states)
            and head in (None, pull.head_ref)
        ]
        return {"pullRequests": call.bodies.graph_pulls(found)}
    return {}


def _number(variables: Mapping[str, object]) -> object:
    return variables.get("pr_number", variables.get("number"))


def _missing_pull(variables: Mapping[str, object]) -> Answer:
    message = f"Could not resolve to a PullRequest with the number of {_number(variables)}."
    error = {"type": "NOT_FOUND", "path": ["repository", "pullRequest"], "message": message}
    return Answer(body={"data": {"repository": {"pullRequest": None}}, "errors": [error]})


def _missing(name: str) -> Answer:
    message = f"Could not resolve to a Repository with the name '{name}'."
    error = {"type": "NOT_FOUND", "path": ["repository"], "message": message}
    return Answer(body={"data": {"repository": None}, "errors": [error]})
