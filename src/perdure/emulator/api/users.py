"""People and teams.

https://docs.github.com/en/rest/users and https://docs.github.com/en/rest/teams
"""

from perdure.emulator.auth import UserIdentity
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()


@routes.on("GET", "/user", docs="users/users#get-the-authenticated-user")
async def get_own_user(call: Call) -> Answer:
    """Return the person who asks."""
    identity = call.identity
    if not isinstance(identity, UserIdentity):
        raise ApiError(403, "Resource not accessible by integration")
    return Answer(body=call.bodies.own_user(identity.user))


@routes.on("GET", "/users/{login}", docs="users/users#get-a-user", public=True)
async def get_user(call: Call) -> Answer:
    """Return a person."""
    user = call.services.authentication.user(call.params["login"])
    if user is None:
        raise ApiError(404, "Not Found")
    return Answer(body=call.bodies.user(user))


@routes.on("GET", "/user/{number}", docs="users/users#get-a-user-using-their-id", public=True)
async def get_user_by_number(call: Call) -> Answer:
    """Return a person by the number that never changes."""
    number = call.number("number")
    for user in call.services.settings.users:
        if user.id == number:
            return Answer(body=call.bodies.user(user))
    raise ApiError(404, "Not Found")


@routes.on(
    "GET",
    "/orgs/{org}/teams/{team}/memberships/{login}",
    permission="members=read",
    docs="teams/members#get-team-membership-for-a-user",
)
async def get_membership(call: Call) -> Answer:
    """Say whether a person is in a team: 404 where not."""
    organization, slug, login = (call.params[name] for name in ("org", "team", "login"))
    for team in call.services.settings.teams:
        members = [member.lower() for member in team.members]
        if (team.organization.lower(), team.slug) == (
            organization.lower(),
            slug,
        ) and login.lower() in members:
            url = f"{call.links.api}/organizations/{organization}/team/{slug}/memberships/{login}"
            return Answer(body={"url": url, "role": "member", "state": "active"})
    raise ApiError(404, "Not Found")
