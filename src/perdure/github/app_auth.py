"""A GitHub App: one short-lived token for each repository and purpose.

Every token is limited to one repository and to the permissions that its requests need, so that a token that
leaks opens little. It is kept under host, installation, repository and scope: a cache that forgot one of them
would hand out a token that reaches further, or another account's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from perdure.config import Secret
from perdure.errors import (
    GitHubAuthenticationError,
    GitHubError,
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from perdure.github._answers import Answer, error_for
from perdure.github._private_key import read_private_key
from perdure.github._requests import Sending, UnansweredError, unavailable
from perdure.github._single_flight import SingleFlight
from perdure.github._wire import Wire
from perdure.github.auth import AccessToken, Scope, naming

RENEW_BEFORE: Final = timedelta(minutes=5)
PERMISSIONS: Final = {
    Scope.READ: {"actions": "read", "contents": "read", "metadata": "read", "pull_requests": "read"},
    Scope.WRITE: {"actions": "write", "contents": "read", "metadata": "read"},
    Scope.CHECKS: {"checks": "write", "metadata": "read"},
    Scope.STATUSES: {"statuses": "write", "metadata": "read"},
    Scope.REVIEWS: {"pull_requests": "write", "metadata": "read"},
    Scope.COMMITS: {"contents": "write", "metadata": "read", "workflows": "write"},
    Scope.ISSUES: {"issues": "write", "metadata": "read"},
}
_LEVELS = {"read": 1, "write": 2, "admin": 3}
_JWT_LIFETIME = timedelta(minutes=9)
_BACKDATED = timedelta(seconds=60)
_CLOCK_TOLERANCE = timedelta(seconds=20)
_KEPT_TOKENS = 2_000


@dataclass(frozen=True)
class Installation:
    """Where the App is installed.

    Attributes:
        permissions: What its account granted.
        suspended: Whether its account has suspended it.
    """

    installation_id: int
    account: str
    permissions: dict[str, str]
    suspended: bool
    html_url: str

    @property
    def identity(self) -> str:
        """Name it in quotas."""
        return f"installation {self.installation_id}"


class AppAuth:
    """Tokens of an App's installations, kept until shortly before they expire."""

    def __init__(self, wire: Wire, *, issuer: str, private_key: Secret) -> None:
        """Use the App with this client id or App id.

        Raises:
            PrivateKeyError: What should be the key is none.
        """
        self.issuer = issuer
        self._wire = wire
        self._key = read_private_key(private_key)
        self._key_reference = private_key.reference
        self._installations: dict[str, Installation] = {}
        self._tokens: dict[tuple[str, int, str, Scope], AccessToken] = {}
        self._without_contents: set[int] = set()
        self._flights: SingleFlight[AccessToken] = SingleFlight()

    async def token(self, repository: str | None, scope: Scope) -> AccessToken:
        """Return a token for the repository, minted once however many ask for it at the same time.

        Raises:
            RepositoryNotFoundError: The App is not installed there.
            GitHubAuthenticationError: The App's key is not accepted, or its installation is suspended.
        """
        if repository is None:
            return AccessToken(Secret(self._jwt(), reference="the App's JWT"), identity="app")
        name = repository.lower()
        if (known := self._installations.get(name)) is not None:
            kept = self._tokens.get((self._wire.base_url, known.installation_id, name, scope))
            if kept is not None and not self._expires_soon(kept):
                return kept
        return await self._flights.do((name, scope), lambda: self._mint(repository, scope))

    def identity(self, repository: str) -> str | None:
        """Return the installation whose quota the repository uses."""
        known = self._installations.get(repository.lower())
        return known.identity if known else None

    def refused(self, repository: str | None, scope: Scope, token: AccessToken) -> bool:
        """Forget a token that GitHub no longer takes, unless it has been renewed meanwhile."""
        known = self._installations.get((repository or "").lower())
        if repository is None or known is None:
            return False
        key = (self._wire.base_url, known.installation_id, repository.lower(), scope)
        if self._tokens.get(key) is token:
            del self._tokens[key]
        return True

    async def close(self) -> None:
        """Stop minting."""
        await self._flights.close()

    async def app(self) -> dict[str, Any]:
        """Return GitHub's description of the App itself."""
        return await self._as_app("GET", "/app")

    async def installation(self, repository: str, *, fresh: bool = False) -> Installation:
        """Return where the App is installed for a repository."""
        known = self._installations.get(repository.lower())
        if known is not None and not fresh:
            return known
        try:
            body = await self._as_app("GET", f"/repos/{repository}/installation")
        except GitHubRefusedError as error:
            if error.status == 404:
                raise await self.not_found(repository) from None
            raise
        found = _installation(body)
        self._installations[repository.lower()] = found
        return found

    async def account_token(self, account: str) -> AccessToken | None:
        """Return a token that lists what the App sees of an account, or ``None`` where it is not installed.

        It may read names and nothing else, and is not kept: a list of thousands needs a few.
        """
        for kind in ("orgs", "users"):
            try:
                body = await self._as_app("GET", f"/{kind}/{account}/installation")
            except GitHubRefusedError as error:
                if error.status == 404:
                    continue
                raise
            found = _installation(body)
            path = f"/app/installations/{found.installation_id}/access_tokens"
            minted = await self._as_app("POST", path, json={"permissions": {"metadata": "read"}})
            secret = Secret(str(minted.get("token")), reference=f"a token for {account}")
            return AccessToken(secret=secret, identity=found.identity)
        return None

    async def not_found(self, repository: str) -> RepositoryNotFoundError:
        """Return the error that says how to install the App."""
        try:
            page = f"{(await self.app())['html_url']}/installations/new"
        except (GitHubRefusedError, GitHubUnavailableError, KeyError):
            page = "the App's page at GitHub, under Install App"
        return RepositoryNotFoundError(
            f"{repository}: the repository does not exist, or the App is not installed there",
            hint=f"check the spelling, or install the App: {page}",
            status=404,
        )

    async def _mint(self, repository: str, scope: Scope) -> AccessToken:
        try:
            installation, body = await self._ask_as_granted(repository, scope)
        except GitHubError as error:
            raise naming(error, repository) from None
        token = AccessToken(
            secret=Secret(str(body["token"]), reference=f"a token for {repository}"),
            identity=installation.identity,
            expires_at=datetime.fromisoformat(str(body["expires_at"])),
            permissions=dict(body.get("permissions") or {}),
        )
        self._keep((self._wire.base_url, installation.installation_id, repository.lower(), scope), token)
        return token

    async def _ask_as_granted(self, repository: str, scope: Scope) -> tuple[Installation, dict[str, Any]]:
        installation = await self.installation(repository)
        if installation.suspended:
            installation = await self.installation(repository, fresh=True)
        try:
            return installation, await self._ask_for_token(installation, repository, scope)
        except GitHubRefusedError as error:
            if error.status not in {404, 422}:
                raise
        # The App was installed anew, or its permissions were changed, since this was looked up.
        installation = await self.installation(repository, fresh=True)
        try:
            return installation, await self._ask_for_token(installation, repository, scope)
        except GitHubRefusedError as error:
            if error.status != 422 or installation.installation_id in self._without_contents:
                raise
        self._without_contents.add(installation.installation_id)
        return installation, await self._ask_for_token(installation, repository, scope)

    async def _ask_for_token(
        self, installation: Installation, repository: str, scope: Scope
    ) -> dict[str, Any]:
        if installation.suspended:
            raise GitHubAuthenticationError(
                f"{repository}: the App's installation on {installation.account} is suspended",
                hint=f"unsuspend it: {installation.html_url or 'in the settings of its account'}",
                status=403,
            )
        wanted = {
            "repositories": [repository.partition("/")[2]],
            "permissions": self._wanted(installation, scope),
        }
        path = f"/app/installations/{installation.installation_id}/access_tokens"
        body = await self._as_app("POST", path, json=wanted)
        if not isinstance(body.get("token"), str) or not isinstance(body.get("expires_at"), str):
            raise GitHubUnavailableError(f"POST {path} answered without a token")
        return body

    def _wanted(self, installation: Installation, scope: Scope) -> dict[str, str]:
        """Return the scope's permissions, as far as granted: asking for more gets no token."""
        granted = installation.permissions
        without = {"contents"} if installation.installation_id in self._without_contents else set()
        return {
            name: min(level, granted.get(name, level), key=lambda each: _LEVELS.get(each, 0))
            for name, level in PERMISSIONS[scope].items()
            if (not granted or name in granted) and name not in without
        }

    def _keep(self, key: tuple[str, int, str, Scope], token: AccessToken) -> None:
        if len(self._tokens) >= _KEPT_TOKENS:
            self._tokens = {kept: each for kept, each in self._tokens.items() if not self._expires_soon(each)}
        self._tokens[key] = token

    def _expires_soon(self, token: AccessToken) -> bool:
        return token.expires_at is not None and token.expires_at - self._wire.now() < RENEW_BEFORE

    async def _as_app(
        self, method: str, path: str, *, json: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        offset = self._wire.clock_offset
        answer = await self._exchange(method, path, json)
        if answer.status == 401 and abs(self._wire.clock_offset - offset) > _CLOCK_TOLERANCE:
            # The answer's Date header has just shown that this machine's clock is off.
            answer = await self._exchange(method, path, json)
        if answer.is_success:
            return answer.json_object()
        if answer.status == 401:
            raise GitHubAuthenticationError(
                f"GitHub does not accept the App {self.issuer} with the key of {self._key_reference}: "
                f"{answer.message}",
                hint="check that app_id or client_id, private_key and url belong together",
                status=401,
            )
        raise error_for(answer)

    async def _exchange(self, method: str, path: str, json: Mapping[str, object] | None) -> Answer:
        headers = {"Authorization": f"Bearer {self._jwt()}"}
        try:
            return await self._wire.exchange(Sending(method, path, json), headers)
        except UnansweredError as error:
            raise unavailable(error) from None

    def _jwt(self) -> str:
        # Backdated, and by GitHub's clock, as far as it is known:
        # https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
        now = self._wire.now()
        claims = {"iss": self.issuer, "iat": int((now - _BACKDATED).timestamp())}
        return jwt.encode(
            {**claims, "exp": int((now + _JWT_LIFETIME).timestamp())}, self._key, algorithm="RS256"
        )


def _installation(body: dict[str, Any]) -> Installation:
    account = body.get("account")
    try:
        return Installation(
            installation_id=int(body["id"]),
            account=str(account.get("login", "")) if isinstance(account, dict) else "",
            permissions={str(name): str(level) for name, level in (body.get("permissions") or {}).items()},
            suspended=bool(body.get("suspended_at")),
            html_url=str(body.get("html_url") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise GitHubUnavailableError("GitHub described the App's installation in another shape") from None
