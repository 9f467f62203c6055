"""Who may have payloads opened: whoever has the token, or a person whom the settings name.

Temporal's command sends a token with each request. Its web UI can send none of its own, but a browser sends a
cookie: so people sign in once at the codec server's own page, with the token or with their GitHub token, and
the UI asks for credentials to be included.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from perdure.config import Secret
from perdure.errors import GitHubAuthenticationError, GitHubPermissionError
from perdure.web.people import People

COOKIE: Final = "perdure-codec"
SESSION_SECONDS: Final = 8 * 3600

_MOST_SESSIONS = 1_000
_HINT = "send the header `Authorization: Bearer TOKEN`, or sign in at the codec server's own page"


class CodecAccess:
    """Knows by a header or a cookie who asks."""

    def __init__(
        self,
        *,
        token: Secret | None,
        people: People,
        logins: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let in whoever has one of these.

        Args:
            token: One for programs and people alike.
            people: Says whose GitHub token it is.
            logins: People who may come with theirs.
            clock: Counts seconds.
        """
        self._token = token
        self._people = people
        self._logins = frozenset(login.casefold() for login in logins)
        self._clock = clock
        self._sessions: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def close(self) -> None:
        """Close the connections."""
        await self._people.close()

    async def who(self, authorization: str | None, cookie: str | None) -> str:
        """Return who asks, for the log.

        Raises:
            GitHubAuthenticationError: Nobody who is known.
            GitHubPermissionError: Somebody who may not.
            GitHubUnavailableError: GitHub does not say who.
        """
        if authorization is not None:
            kind, _, token = authorization.partition(" ")
            if kind.casefold() == "bearer" and token.strip():
                return await self.of_token(token.strip())
        elif cookie is not None:
            ends_at, who = self._sessions.get(cookie, (0.0, ""))
            if self._clock() < ends_at:
                return who
        raise GitHubAuthenticationError("nobody has signed in", hint=_HINT, status=401)

    async def of_token(self, token: str) -> str:
        """Return whose token it is. Raises as :meth:`who` does."""
        if self._token is not None and hmac.compare_digest(token.encode(), self._token.reveal().encode()):
            return "the token's holder"
        if not self._logins or not token.isascii():
            raise GitHubAuthenticationError("the token is not the codec server's", hint=_HINT, status=401)
        person = await self._people.person(token)
        if person.login.casefold() not in self._logins:
            msg = f"{person.login} may not read payloads"
            raise GitHubPermissionError(msg, hint="see codec_people in [encryption]", status=403)
        return person.login

    def new_session(self, who: str) -> str:
        """Return the value of a cookie that stands for somebody from now on."""
        session = secrets.token_urlsafe(32)
        self._sessions[session] = (self._clock() + SESSION_SECONDS, who)
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session
