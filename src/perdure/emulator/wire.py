"""What every endpoint of the emulated API is written with: routes, calls, answers, errors, paging."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from perdure.emulator.auth import AppIdentity, Identity, InstallationIdentity, UserIdentity
from perdure.emulator.repositories import Repository

if TYPE_CHECKING:
    from perdure.emulator.bodies import Bodies
    from perdure.emulator.services import Services

DOCS = "https://docs.github.com/rest"
T = TypeVar("T")


class ApiError(Exception):
    """An answer that is no success; ``docs`` is what follows ``/rest/`` in the documentation's address."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        docs: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.docs = docs
        self.headers = dict(headers or {})
        self.errors = errors


@dataclass(kw_only=True)
class Answer:
    """What an endpoint answers: ``body`` as JSON, or ``content`` as it is."""

    status: int = 200
    body: object = None
    content: bytes | None = None
    media_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def render(self) -> bytes:
        """Return the bytes to send."""
        if self.content is not None:
            return self.content
        return b"" if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Links:
    """The two bases of every URL in an answer, taken from the host that the client asked.

    ``gh`` asks ``api.github.localhost`` through a proxy and follows the URLs in the answers, so they must
    lead back the same way.
    """

    api: str
    html: str


class Call:
    """One request to one endpoint, after authentication."""

    def __init__(  # noqa: PLR0913 - one request has that many parts
        self,
        services: "Services",
        request: Request,
        params: Mapping[str, str],
        identity: Identity | None,
        links: Links,
        version: str,
    ) -> None:
        self.services = services
        self.request = request
        self.params = params
        self._identity = identity
        self.links = links
        self.version = version
        self._repository: Repository | None = None

    @property
    def bodies(self) -> "Bodies":
        """The answers' bodies with this client's URLs."""
        return self.services.bodies(self.links)

    @property
    def identity(self) -> Identity:
        """Who asks."""
        if self._identity is None:
            raise ApiError(401, "Requires authentication")
        return self._identity

    @property
    def actor(self) -> str:
        """The login under which this client acts."""
        identity = self.identity
        if isinstance(identity, UserIdentity):
            return identity.user.login
        return f"{identity.app.slug}[bot]"

    @property
    def app(self) -> AppIdentity:
        """The App that asks with its JWT."""
        if not isinstance(self.identity, AppIdentity):
            raise ApiError(401, "A JSON web token could not be decoded")
        return self.identity

    @property
    def installation(self) -> InstallationIdentity:
        """The installation whose token was used."""
        if not isinstance(self.identity, InstallationIdentity):
            raise ApiError(
                403, "This endpoint requires you to authenticate using a GitHub App installation token"
            )
        return self.identity

    @property
    def repository(self) -> Repository:
        """The repository in the path.

        Raises:
            ApiError: 404, where it does not exist or the token does not reach it.
        """
        if self._repository is None:
            found = self.services.repositories.find(self.params["owner"], self.params["repo"])
            if found is None or self._identity is None or not self._identity.reaches(found.full_name):
                raise ApiError(404, "Not Found")
            self._repository = found
        return self._repository

    def number(self, name: str) -> int:
        """Return a number from the path."""
        if not self.params[name].isdigit():
            raise ApiError(404, "Not Found")
        return int(self.params[name])

    def query(self, name: str) -> str | None:
        """Return a parameter of the query, None where it is missing or empty."""
        return self.request.query_params.get(name) or None

    async def json(self) -> dict[str, object]:
        """Return the request's body, an object.

        Raises:
            ApiError: 400, where it is none.
        """
        text = await self.request.body()
        try:
            found = json.loads(text or b"{}")
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None
        if not isinstance(found, dict):
            raise ApiError(400, "Body should be a JSON object")
        return found

    def page(self, items: Sequence[T], *, limit: int = 100) -> tuple[Sequence[T], dict[str, str]]:
        """Return the page asked for and the ``Link`` header that leads to the others."""
        per_page = min(max(self._count("per_page", 30), 1), limit)
        number = max(self._count("page", 1), 1)
        last = max((len(items) + per_page - 1) // per_page, 1)
        pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        wanted = [name for name, page in pages.items() if 1 <= page <= last and page != number]
        links = ", ".join(f'<{self._page_url(pages[name])}>; rel="{name}"' for name in wanted)
        start = (number - 1) * per_page
        return items[start : start + per_page], {"link": links} if links else {}

    def _count(self, name: str, default: int) -> int:
        text = self.query(name) or ""
        return int(text) if text.isdigit() else default

    def _page_url(self, page: int) -> str:
        query = [(key, value) for key, value in self.request.query_params.multi_items() if key != "page"]
        return f"{self.links.api}{self.request.scope['path']}?{urlencode([*query, ('page', str(page))])}"


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A method and path of the API."""

    method: str
    path: str
    handle: Handler
    docs: str
    permission: str | None
    """What an installation's token needs, such as ``actions=write``; where ``; `` stands, either does."""
    public: bool
    """Whether it answers without credentials."""


class Routes:
    """The endpoints of one part of the API, collected by decorators."""

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []

    def on(
        self, method: str, path: str, *, docs: str = "", permission: str | None = None, public: bool = False
    ) -> Callable[[Handler], Handler]:
        """Register an endpoint."""

        def register(handle: Handler) -> Handler:
            endpoint = Endpoint(
                method=method, path=path, handle=handle, docs=docs, permission=permission, public=public
            )
            self.endpoints.append(endpoint)
            return handle

        return register


class Router:
    """Finds the endpoint of a request. Paths are tried in the order in which they were registered."""

    def __init__(self, parts: Sequence[Routes]) -> None:
        self._routes = [(_compile(found.path), found) for part in parts for found in part.endpoints]

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Return the endpoint and the values in the path."""
        method = "GET" if method == "HEAD" else method
        for pattern, endpoint in self._routes:
            if endpoint.method == method and (match := pattern.fullmatch(path)):
                return endpoint, match.groupdict()
        return None


def _compile(path: str) -> re.Pattern[str]:
    """``{name}`` stands for one part of a path, ``{name*}`` for any number of them."""
    pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", path)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern))
