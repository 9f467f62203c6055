"""Bodies of accounts and repositories."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perdure.emulator.identifiers import node_id, number_for
from perdure.emulator.repositories import Repositories, Repository
from perdure.emulator.settings import EmulatorSettings, User

if TYPE_CHECKING:
    from perdure.emulator.pull_requests import PullRequests
    from perdure.emulator.state import State
    from perdure.emulator.wire import Links

Body = dict[str, object]

_ACCOUNT_CREATED = "2011-01-25T18:44:36Z"
_ACCOUNT_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_URLS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def instant(at: datetime | None) -> str | None:
    """Return an instant as GitHub writes it: whole seconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


class AccountBodies:
    """Accounts and repositories, with one client's URLs."""

    def __init__(
        self,
        links: "Links",
        settings: EmulatorSettings,
        state: "State",
        repositories: Repositories,
        pulls: "PullRequests",
    ) -> None:
        self.links = links
        self.settings = settings
        self.state = state
        self.repositories = repositories
        self.pulls = pulls
        self._users = {user.login.lower(): user for user in settings.users}

    def account(self, login: str) -> Body:
        """Return the short body of a person, bot or organisation."""
        person = self._users.get(login.lower())
        number = person.id if person else number_for("user", login)
        url = f"{self.links.api}/users/{login}"
        return {
            "login": login,
            "id": number,
            "node_id": node_id("U" if person else "O", number),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.links.html}/{login}",
            **{name: url + rest for name, rest in _ACCOUNT_URLS.items()},
            "type": self._account_type(login),
            "user_view_type": "public",
            "site_admin": False,
        }

    def user(self, user: User) -> Body:
        """Return the long body of a person."""
        blank = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
        return {
            **self.account(user.login),
            **blank,
            "name": user.name,
            "blog": "",
            "public_repos": len(self.repositories.all()),
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": _ACCOUNT_CREATED,
            "updated_at": _ACCOUNT_CREATED,
        }

    def own_user(self, user: User) -> Body:
        """Return the body that a person gets about themselves."""
        return {
            **self.user(user),
            "private_gists": 0,
            "total_private_repos": 0,
            "owned_private_repos": 0,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": True,
        }

    def organization(self, login: str) -> Body:
        """Return the body of an organisation as events carry it."""
        number, url = number_for("user", login), f"{self.links.api}/orgs/{login}"
        return {
            "login": login,
            "id": number,
            "node_id": node_id("O", number),
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "description": None,
        }

    def minimal_repository(self, full_name: str) -> Body:
        """Return the body that runs carry."""
        owner, name = full_name.split("/")
        number, url = number_for("repository", full_name), f"{self.links.api}/repos/{full_name}"
        return {
            "id": number,
            "node_id": node_id("R", number),
            "name": name,
            "full_name": full_name,
            "private": True,
            "owner": self.account(owner),
            "html_url": f"{self.links.html}/{full_name}",
            "description": None,
            "fork": False,
            "url": url,
            **{key: url + rest for key, rest in _REPOSITORY_URLS.items()},
        }

    def full_repository(self, repository: Repository, role: str = "read") -> Body:
        """Return the body of a repository on its own."""
        resolved = repository.resolve(repository.default_branch)
        at = instant(repository.commit(resolved.sha).committer.at) if resolved else _ACCOUNT_CREATED
        html = f"{self.links.html}/{repository.full_name}"
        counts = ("forks_count", "stargazers_count", "watchers_count", "open_issues_count", "size", "forks")
        numbers = (*counts, "open_issues", "watchers", "subscribers_count", "network_count")
        return {
            **self.minimal_repository(repository.full_name),
            **dict.fromkeys(numbers, 0),
            **dict.fromkeys(("homepage", "language", "license", "mirror_url")),
            **dict.fromkeys(("archived", "disabled", "is_template", "has_pages", "has_wiki"), False),
            **dict.fromkeys(("has_projects", "has_discussions", "web_commit_signoff_required"), False),
            "git_url": f"git:{html.partition(':')[2]}.git",
            "ssh_url": f"git@github.localhost:{repository.full_name}.git",
            "clone_url": f"{html}.git",
            "svn_url": html,
            "has_issues": True,
            "default_branch": repository.default_branch,
            "visibility": "private",
            "topics": [],
            "pushed_at": at,
            "created_at": at,
            "updated_at": at,
            "permissions": {
                "admin": role == "admin",
                "maintain": role == "admin",
                "push": role in ("admin", "write"),
                "triage": role in ("admin", "write"),
                "pull": role != "none",
            },
        }

    def _account_type(self, login: str) -> str:
        if login.endswith("[bot]"):
            return "Bot"
        return "User" if login.lower() in self._users else "Organization"
