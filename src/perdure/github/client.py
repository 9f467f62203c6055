"""GitHub's client: what Perdure asks of it, one method each, over one connection pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2

from perdure.config import GitHubSettings, resolve_secret
from perdure.errors import GitHubError, SettingsError
from perdure.github._answers import RateLimit
from perdure.github._artifacts import ArtifactCalls
from perdure.github._commits import CommitCalls
from perdure.github._contents import ContentCalls
from perdure.github._dispatch import DispatchCalls
from perdure.github._git_access import GitAccessCalls
from perdure.github._hooks import HookCalls
from perdure.github._issues import IssueCalls
from perdure.github._logs import LogCalls
from perdure.github._marks import MarkCalls
from perdure.github._organizations import OrganizationCalls
from perdure.github._proposals import ProposalCalls
from perdure.github._pulls import PullCalls
from perdure.github._quotas import QuotaCalls
from perdure.github._reviews import ReviewCalls
from perdure.github._runs import RunCalls
from perdure.github._transport import Transport
from perdure.github._trees import TreeCalls
from perdure.github._wire import Watch, Wire
from perdure.github.app_auth import AppAuth
from perdure.github.auth import Credentials, Scope, TokenAuth
from perdure.github.facts import CredentialFacts
from perdure.github.write_guard import WriteGuard


class GitHubClient(
    ProposalCalls,
    TreeCalls,
    DispatchCalls,
    RunCalls,
    MarkCalls,
    ContentCalls,
    OrganizationCalls,
    IssueCalls,
    ArtifactCalls,
    LogCalls,
    PullCalls,
    ReviewCalls,
    CommitCalls,
    GitAccessCalls,
    HookCalls,
    QuotaCalls,
):
    """GitHub's REST API, as far as Perdure uses it. Made by :func:`open_github_client`.

    Reads raise :class:`~perdure.errors.GitHubError`; whether one is worth another try is its ``permanent``.
    Nothing is repeated here but what GitHub certainly did not carry out.
    """

    @property
    def requests_sent(self) -> Counter[tuple[str, str]]:
        """How often each method and route was asked, downloads included."""
        return self._transport.wire.requests_sent

    def watch_requests(self, watch: Watch) -> None:
        """Have something stand around every request from now on: for traces."""
        self._transport.wire.watch = watch

    @property
    def rate_limits(self) -> dict[str, RateLimit]:
        """The quotas as they were told last, by whose they are: ``installation 42``, ``token``."""
        return self._transport.rate_limits

    def rate_limit(self, repository: str) -> RateLimit | None:
        """Return the quota that requests about a repository use, where it is known."""
        identity = self._transport.credentials.identity(repository)
        found = self._transport.rate_limits.get(identity or "")
        return found if found and found.reset_at > self.now() else None

    def quota_left(self, repository: str) -> float:
        """Return what is left of that quota, 0 to 1; all of it where nothing is known."""
        found = self.rate_limit(repository)
        return found.part_left if found else 1.0

    def now(self) -> datetime:
        """Return the time by GitHub's clock, once anything was answered."""
        return self._transport.wire.now()

    async def describe_credentials(self, repository: str | None = None) -> CredentialFacts:
        """Say who Perdure is at GitHub, and what it may do in a repository.

        Raises:
            GitHubError: The credentials are not accepted, or cannot see the repository.
        """
        credentials = self._transport.credentials
        if isinstance(credentials, AppAuth):
            return await self._describe_app(credentials, repository)
        quota = await self.read_quota(repository)
        try:
            login = str((await self._transport.read_object(None, "/user")).get("login") or "")
        except GitHubError:
            # The tokens of GitHub's own jobs belong to nobody.
            login = ""
        if repository is not None:
            await self.get_repository(repository)
        return CredentialFacts(kind="token", name=login, quotas=(quota,) if quota else ())

    async def _describe_app(self, app: AppAuth, repository: str | None) -> CredentialFacts:
        name = str((await app.app()).get("slug") or app.issuer)
        if repository is None:
            return CredentialFacts(kind="app", name=name, quotas=tuple(await self.list_quotas()))
        installation = await app.installation(repository, fresh=True)
        token = await app.token(repository, Scope.READ)
        quota = await self.read_quota(repository)
        return CredentialFacts(
            kind="app",
            name=name,
            installation_id=installation.installation_id,
            account=installation.account,
            permissions=installation.permissions,
            expires_at=token.expires_at,
            quotas=(quota,) if quota else (),
        )


@asynccontextmanager
async def open_github_client(
    settings: GitHubSettings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    guard: WriteGuard | None = None,
) -> AsyncIterator[GitHubClient]:
    """Open a client with the credentials in the settings; the App's where both are set.

    Args:
        settings: Where GitHub is, and who Perdure is there.
        transport: Instead of the network, as for an emulator in the same process.
        guard: Checks every request before it is sent; nobody does, where it is left out.

    Raises:
        SettingsError: There are no credentials, or a secret cannot be read.
    """
    wire = Wire(settings.url, transport=transport, guard=guard)
    try:
        credentials = _credentials(settings, wire)
        try:
            yield GitHubClient(Transport(wire, credentials))
        finally:
            await credentials.close()
    finally:
        await wire.close()


def _credentials(settings: GitHubSettings, wire: Wire) -> Credentials:
    if settings.private_key is not None:
        # GitHub prefers the client id, and takes both:
        # https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
        issuer = settings.client_id or str(settings.app_id)
        return AppAuth(wire, issuer=issuer, private_key=resolve_secret(settings.private_key))
    if settings.token is not None:
        return TokenAuth(resolve_secret(settings.token))
    raise SettingsError(
        "there are no credentials for GitHub",
        hint="set app_id and private_key in [github] of perdure.toml, or the variable GITHUB_TOKEN",
    )
