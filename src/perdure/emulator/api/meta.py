"""The API itself: what there is, and how much of it is left.

https://docs.github.com/en/rest/meta and https://docs.github.com/en/rest/rate-limit
"""

from perdure.emulator.wire import Answer, Call, Routes

routes = Routes()
GHES_VERSION = "3.19.4"
_ROOT = {
    "current_user_url": "/user",
    "authorizations_url": "/authorizations",
    "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
    "emails_url": "/user/emails",
    "emojis_url": "/emojis",
    "events_url": "/events",
    "feeds_url": "/feeds",
    "followers_url": "/user/followers",
    "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}",
    "hub_url": "/hub",
    "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues_url": "/issues",
    "keys_url": "/user/keys",
    "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications",
    "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public",
    "rate_limit_url": "/rate_limit",
    "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
    "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred",
    "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs",
    "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}


@routes.on("GET", "/", docs="meta/meta#github-api-root", public=True)
async def get_root(call: Call) -> Answer:
    """Return the addresses that everything else begins with."""
    authorizations = {
        "current_user_authorizations_html_url": f"{call.links.html}/settings/connections/applications"
    }
    return Answer(body={**authorizations, **{name: call.links.api + path for name, path in _ROOT.items()}})


@routes.on("GET", "/meta", docs="meta/meta#get-apiname-meta-information", public=True)
async def get_meta(call: Call) -> Answer:
    """Return facts about the host; GHES says its version here."""
    body: dict[str, object] = {"verifiable_password_authentication": False}
    if call.services.settings.profile == "ghes-3.19":
        body["installed_version"] = GHES_VERSION
    return Answer(body=body)


@routes.on("GET", "/versions", docs="meta/meta#get-all-api-versions", public=True)
async def get_versions(call: Call) -> Answer:
    """List the API versions."""
    return Answer(body=list(call.services.versions))


@routes.on(
    "GET", "/rate_limit", docs="rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user"
)
async def get_rate_limit(call: Call) -> Answer:
    """Return what is left of the quotas; asking costs nothing."""
    core = call.services.limits.quota(call.identity.key).body()
    other = {**core, "used": 0, "limit": 30, "remaining": 30}
    resources = {"core": core, "search": other, "graphql": {**core, "used": 0, "remaining": core["limit"]}}
    return Answer(body={"resources": resources, "rate": core})
