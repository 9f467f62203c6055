"""Who asks: a person is known by their own GitHub token.

https://docs.github.com/en/rest/users/users#get-the-authenticated-user
https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import ValidationError

from perdure.errors import (
    GitHubAuthenticationError,
    GitHubError,
    GitHubPermissionError,
    GitHubUnavailableError,
)
from perdure.model.approvals import TEAM_PREFIX, Person

CACHE_SECONDS: Final = 60.0
"""How long lists may show what was true before. A decision always asks anew."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_CACHE_SIZE: Final = 1_000
_TIMEOUT = httpx2.Timeout(10.0)
_TOKEN_HINT = "sign in with `gh auth login`, or set PERDURE_USER_TOKEN to a token of your own"  # noqa: S105


class People:
    """Asks GitHub whose token it is, and in which teams that person is."""

    def __init__(
        self,
        api_url: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask the GitHub at this address.

        Args:
            api_url: The REST API's.
            transport: Instead of the network.
            clock: Counts seconds.
        """
        self._url = api_url.rstrip("/")
        self._clock = clock
        host = urlsplit(api_url).hostname or ""
        self._http = httpx2.AsyncClient(
            transport=transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not (host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")),
        )
        # By the token's hash: what is kept in memory for a while is no credential.
        self._people: OrderedDict[str, tuple[float, Person]] = OrderedDict()
        self._members: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def person(self, token: str, *, fresh: bool = False) -> Person:
        """Return whose token it is.

        Raises:
            GitHubAuthenticationError: GitHub does not accept it.
            GitHubPermissionError: It is no person's, but an App's or a job's.
            GitHubUnavailableError: GitHub does not answer.
        """
        key = _hashed(token)
        known = self._people.get(key)
        if not fresh and known is not None and self._clock() < known[0]:
            return known[1]
        answer = await self._get("/user", token)
        person = _person(answer)
        _keep(self._people, key, (self._clock() + CACHE_SECONDS, person))
        return person

    async def teams(
        self, token: str, person: Person, approvers: Iterable[str], *, fresh: bool = False
    ) -> tuple[str, ...]:
        """Return those of the named teams that the person is an active member of.

        Args:
            token: The person's own: a team can only be seen by those who may see it.
            person: Who.
            approvers: Logins and ``team:organisation/slug``.
            fresh: Whether to ask again although the answer is known.

        Raises:
            GitHubPermissionError: The token may not see teams.
            GitHubUnavailableError: GitHub does not answer.
        """
        named = [name.removeprefix(TEAM_PREFIX) for name in approvers if name.startswith(TEAM_PREFIX)]
        return tuple([team for team in named if await self._is_member(token, person, team, fresh=fresh)])

    async def _is_member(self, token: str, person: Person, team: str, *, fresh: bool) -> bool:
        key = (_hashed(token), team)
        known = self._members.get(key)
        if not fresh and known is not None and self._clock() < known[0]:
            return known[1]
        organisation, _, slug = team.partition("/")
        path = f"/orgs/{quote(organisation, safe='')}/teams/{quote(slug, safe='')}/memberships/"
        answer = await self._get(path + quote(person.login, safe=""), token)
        if answer.status_code == 403:
            msg = f"the token of {person.login} may not see the team {team}"
            raise GitHubPermissionError(
                msg, hint="grant it read:org: gh auth refresh -s read:org", status=403
            )
        is_member = answer.status_code == 200 and _object(answer).get("state") == "active"
        _keep(self._members, key, (self._clock() + CACHE_SECONDS, is_member))
        return is_member

    async def _get(self, path: str, token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        try:
            answer = await self._http.get(self._url + path, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            msg = f"GitHub does not say who asks: {type(error).__name__}"
            raise GitHubUnavailableError(msg, hint="GitHub or the network may be down: try again") from error
        if answer.status_code == 401:
            raise GitHubAuthenticationError("GitHub does not accept the token", hint=_TOKEN_HINT, status=401)
        if answer.status_code == 429 or answer.status_code >= 500 or _is_limited(answer):
            msg = f"GitHub does not say who asks: it answered {answer.status_code}"
            raise GitHubUnavailableError(msg, hint="try again in a minute", status=answer.status_code)
        return answer


def _person(answer: httpx2.Response) -> Person:
    if answer.status_code == 403:
        msg = "the token is no person's: only people decide"
        raise GitHubPermissionError(msg, hint=_TOKEN_HINT, status=403)
    body = _object(answer)
    if answer.status_code != 200 or body.get("type", "User") != "User":
        msg = f"GitHub does not say whose token it is: it answered {answer.status_code}"
        raise GitHubError(msg, hint=_TOKEN_HINT, status=answer.status_code)
    number = body.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise GitHubUnavailableError("GitHub answered without the person's number", status=answer.status_code)
    try:
        return Person.model_validate({"login": body.get("login"), "user_id": number})
    except ValidationError as error:
        raise GitHubUnavailableError("GitHub answered without the person's login") from error


def _object(answer: httpx2.Response) -> dict[str, object]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_limited(answer: httpx2.Response) -> bool:
    # https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    headers = answer.headers
    return answer.status_code == 403 and (
        "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    )


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _keep(cache: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > _CACHE_SIZE:
        cache.popitem(last=False)
