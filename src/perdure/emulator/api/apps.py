"""Apps, installations and their tokens.

https://docs.github.com/en/rest/apps
"""

from collections.abc import Mapping

from perdure.emulator.auth import LEVELS, app_installations
from perdure.emulator.bodies.accounts import instant
from perdure.emulator.repositories import Repository
from perdure.emulator.settings import App, Installation
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
MOST_REPOSITORIES = 500
_TOKEN_DOCS = "apps/apps#create-an-installation-access-token-for-an-app"  # noqa: S105 - an address
_NOT_GRANTED = "The permissions requested are not granted to this installation."
_NOT_REACHED = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
)


def installations(call: Call, app: App) -> list[Installation]:
    """Return an App's installations."""
    accounts = sorted({repository.owner for repository in call.services.repositories.all()})
    return app_installations(app, accounts)


def reached(call: Call, installation: Installation) -> list[Repository]:
    """Return the repositories that an installation reaches."""
    return [
        repository
        for repository in call.services.repositories.all()
        if repository.owner.lower() == installation.account.lower()
        and (installation.repositories is None or repository.full_name in installation.repositories)
    ]


@routes.on("GET", "/app", docs="apps/apps#get-the-authenticated-app")
async def get_app(call: Call) -> Answer:
    """Return the App that asks."""
    return Answer(body=call.bodies.app(call.app.app))


@routes.on("GET", "/app/installations", docs="apps/apps#list-installations-for-the-authenticated-app")
async def list_installations(call: Call) -> Answer:
    """List the App's installations."""
    app = call.app.app
    page, headers = call.page(installations(call, app))
    return Answer(body=[_body(call, app, one) for one in page], headers=headers)


@routes.on(
    "GET", "/app/installations/{installation}", docs="apps/apps#get-an-installation-for-the-authenticated-app"
)
async def get_installation(call: Call) -> Answer:
    """Return one installation."""
    return Answer(body=_body(call, call.app.app, _find(call)))


@routes.on(
    "GET",
    "/repos/{owner}/{repo}/installation",
    docs="apps/apps#get-a-repository-installation-for-the-authenticated-app",
)
async def get_repository_installation(call: Call) -> Answer:
    """Return the installation that reaches a repository."""
    app = call.app.app
    repository = call.services.repositories.find(call.params["owner"], call.params["repo"])
    for one in installations(call, app):
        if repository is not None and repository in reached(call, one):
            return Answer(body=_body(call, app, one))
    raise ApiError(404, "Not Found")


@routes.on(
    "GET",
    "/orgs/{account}/installation",
    docs="apps/apps#get-an-organization-installation-for-the-authenticated-app",
)
async def get_organization_installation(call: Call) -> Answer:
    """Return an organisation's installation."""
    return _of_account(call)


@routes.on(
    "GET", "/users/{account}/installation", docs="apps/apps#get-a-user-installation-for-the-authenticated-app"
)
async def get_user_installation(call: Call) -> Answer:
    """Return a person's installation."""
    return _of_account(call)


@routes.on("POST", "/app/installations/{installation}/access_tokens", docs=_TOKEN_DOCS)
async def create_token(call: Call) -> Answer:
    """Make a token, limited to repositories and permissions where that is asked for."""
    app, installation, body = call.app.app, _find(call), await call.json()
    if installation.id in call.services.authentication.suspended:
        raise ApiError(403, "This installation has been suspended")
    permissions = _permissions(call, app, installation, body)
    repositories = _repositories(call, installation, body)
    names = None if repositories is None else tuple(one.full_name for one in repositories)
    token, expires_at = call.services.authentication.mint(
        app, installation, repositories=names, permissions=permissions
    )
    limited = repositories is not None or installation.repositories is not None
    answer: dict[str, object] = {
        "token": token,
        "expires_at": instant(expires_at),
        "permissions": dict(permissions),
        "repository_selection": "selected" if limited else "all",
    }
    if repositories is not None:
        answer["repositories"] = [call.bodies.full_repository(one) for one in repositories]
    return Answer(status=201, body=answer)


@routes.on("DELETE", "/installation/token", docs="apps/installations#revoke-an-installation-access-token")
async def revoke_token(call: Call) -> Answer:
    """Take back the token that was used."""
    call.services.revoke(call.installation.token_id)
    return Answer(status=204)


@routes.on(
    "GET",
    "/installation/repositories",
    docs="apps/installations#list-repositories-accessible-to-the-app-installation",
)
async def list_repositories(call: Call) -> Answer:
    """List what the token reaches."""
    identity = call.installation
    found = [one for one in call.services.repositories.all() if identity.reaches(one.full_name)]
    page, headers = call.page(found)
    limited = identity.repositories is not None or identity.installation.repositories is not None
    body = {
        "total_count": len(found),
        "repository_selection": "selected" if limited else "all",
        "repositories": [call.bodies.full_repository(one) for one in page],
    }
    return Answer(body=body, headers=headers)


def _find(call: Call) -> Installation:
    number = call.number("installation")
    for one in installations(call, call.app.app):
        if one.id == number:
            return one
    raise ApiError(404, "Not Found")


def _of_account(call: Call) -> Answer:
    app = call.app.app
    for one in installations(call, app):
        if one.account.lower() == call.params["account"].lower():
            return Answer(body=_body(call, app, one))
    raise ApiError(404, "Not Found")


def _body(call: Call, app: App, installation: Installation) -> dict[str, object]:
    suspended_at = call.services.authentication.suspended.get(installation.id)
    return call.bodies.installation(app, installation, suspended_at)


def _permissions(
    call: Call, app: App, installation: Installation, body: Mapping[str, object]
) -> Mapping[str, str]:
    granted = call.services.authentication.granted(app, installation)
    wanted = body.get("permissions")
    # PyGithub always sends an object, and gets every permission for an empty one.
    if wanted is None or wanted == {}:
        return granted
    if not isinstance(wanted, dict):
        raise ApiError(422, "Invalid request.\n\n`permissions` is not an object.")
    for name, level in wanted.items():
        if LEVELS.get(level, 9) > LEVELS[granted.get(name, "read" if name == "metadata" else "none")]:
            raise ApiError(422, _NOT_GRANTED)
    return {"metadata": "read", **wanted}


def _repositories(
    call: Call, installation: Installation, body: Mapping[str, object]
) -> list[Repository] | None:
    names, numbers = body.get("repositories"), body.get("repository_ids")
    if names is None and numbers is None:
        return None
    wanted = [*(names if isinstance(names, list) else ()), *(numbers if isinstance(numbers, list) else ())]
    if len(wanted) > MOST_REPOSITORIES:
        raise ApiError(422, f"Invalid request.\n\nNo more than {MOST_REPOSITORIES} items are allowed.")
    known = {key: one for one in reached(call, installation) for key in (one.name.lower(), one.id)}
    found = [known.get(one.lower() if isinstance(one, str) else one) for one in wanted]
    if not found or None in found:
        raise ApiError(422, _NOT_REACHED)
    return [one for one in found if one is not None]
