"""The ASGI application: faults, authentication, limits, caching and headers around the endpoints.

Requests come as origin form or, from clients that use a proxy, as absolute form (``GET
http://api.github.localhost/``); with GHES's prefix ``/api/v3`` or without. What is no endpoint may be a page
for people, a download, or, where it is switched on, the tests' own ``/_emulator``.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable
from datetime import UTC
from email.utils import format_datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from perdure.emulator.api import PARTS
from perdure.emulator.api.meta import GHES_VERSION
from perdure.emulator.auth import AuthenticationError, Identity, SuspendedError, UserIdentity
from perdure.emulator.control import PREFIX as CONTROL
from perdure.emulator.control import serve_control
from perdure.emulator.downloads import PREFIX as DOWNLOADS
from perdure.emulator.downloads import serve_download
from perdure.emulator.faults import ConnectionDroppedError, Fault, answer_wrongly
from perdure.emulator.git_http import ROUTE as GIT
from perdure.emulator.git_http import is_git, serve_git
from perdure.emulator.limits import Quota
from perdure.emulator.pages import serve_page
from perdure.emulator.request_log import Served
from perdure.emulator.services import Services
from perdure.emulator.wire import DOCS, Answer, ApiError, Call, Endpoint, Links, Router

_GHES_PREFIX = "/api/v3"
_ROUTER = Router(PARTS)
_LIMIT_DOCS = "overview/rate-limits-for-the-rest-api"
_DEPRECATED = {
    "deprecation": "Tue, 10 Mar 2026 00:00:00 GMT",
    "sunset": "Fri, 10 Mar 2028 00:00:00 GMT",
}
_DEPRECATION_LINK = '<https://docs.github.com/en/rest/about-the-rest-api/api-versions>; rel="deprecation"'
_ALWAYS = {
    "server": "github.com",
    "vary": "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
    "x-content-type-options": "nosniff",
    "access-control-expose-headers": "ETag, Link, Location, Retry-After, X-RateLimit-Limit,"
    " X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, X-RateLimit-Reset,"
    " X-Accepted-GitHub-Permissions, X-GitHub-Request-Id, Deprecation, Sunset",
}
_log = logging.getLogger(__name__)


class EmulatorApp:
    """GitHub, as far as the emulator goes."""

    def __init__(self, services: Services, *, is_allowed_host: Callable[[str], bool] | None = None) -> None:
        self._services = services
        self._is_allowed_host = is_allowed_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(_origin_form(dict(scope)), receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._services.lifecycle.resume()
        self._services.pulls.watch()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._services.lifecycle.close()
        await self._services.pulls.close()
        await self._services.webhooks.close()
        self._services.state.store.flush()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_control = scope["path"].startswith(CONTROL)
        fault = None if is_control else self._services.faults.take(request.method, scope["path"])
        served = _Exchange(self._services, request)
        try:
            # Read whole before anything else: what has arrived has its effect, whoever still waits for it.
            await request.body()
            if fault is not None and fault.kind == "delay":
                await asyncio.sleep(fault.delay)
                fault = None
            if fault is None:
                response = await self._answer(request, served)
                served.status = response.status_code
                await response(scope, receive, send)
            else:
                await self._fail(fault, request, served, send)
        except ClientDisconnect:
            # Half a request has no effect, and nobody is there to be told.
            pass
        finally:
            served.log()

    async def _fail(self, fault: Fault, request: Request, served: "_Exchange", send: Send) -> None:
        if fault.after_effect:
            await self._answer(request, served)
        served.status = 0 if fault.kind in ("drop", "hang") else fault.status
        await answer_wrongly(fault, request.scope, request.receive, send)

    async def _answer(self, request: Request, served: "_Exchange") -> Response:
        path, host = request.scope["path"], request.headers.get("host", "")
        if self._is_allowed_host is not None and not self._is_allowed_host(host):
            return PlainTextResponse(f"This emulator is not called {host}.", 421)
        if path.startswith(DOWNLOADS):
            served.route = DOWNLOADS
            return serve_download(self._services, request, path)
        if path.startswith(CONTROL) and self._services.settings.control:
            return await serve_control(self._services, request, path)
        if is_git(path):
            served.route = GIT
            return await serve_git(self._services, request, path)
        if _wants_page(request, path) and (page := serve_page(self._services, request, path)) is not None:
            served.route = "page"
            return page
        return await _ApiRequest(self._services, request, served).respond()


class _Exchange:
    """What the request log needs to know about one request."""

    def __init__(self, services: Services, request: Request) -> None:
        self._services = services
        self._request = request
        self.status = 0
        self.route = ""
        self.client: str | None = None

    def log(self) -> None:
        request, path = self._request, self._request.scope["path"]
        if path.startswith(CONTROL):
            return
        self._services.requests.add(
            Served(
                method=request.method,
                path=path,
                query=request.url.query,
                status=self.status,
                route=self.route or path,
                client=self.client,
                authorized="authorization" in request.headers,
                at=self._services.settings.clock().isoformat(),
                user_agent=request.headers.get("user-agent", ""),
            )
        )


class _ApiRequest:
    """One request to the API itself, from its version to its headers."""

    def __init__(self, services: Services, request: Request, served: _Exchange) -> None:
        self._services = services
        self._request = request
        self._served = served
        self._path, self._links = _locate(request)
        self._version = request.headers.get("x-github-api-version") or services.versions[0]
        self._docs = DOCS
        self._endpoint: Endpoint | None = None
        self._quota: Quota | None = None

    async def respond(self) -> Response:
        """Answer, an error too."""
        try:
            answer = await self._handle()
        except ApiError as error:
            answer = self._refuse(error)
        except ConnectionDroppedError:
            raise
        except Exception:
            _log.exception("%s %s failed", self._request.method, self._path)
            answer = Answer(status=500, body={"message": "Server Error"})
        return self._response(answer)

    async def _handle(self) -> Answer:
        services = self._services
        if self._version not in services.versions:
            text = f'"X-GitHub-API-Version" request header, "{self._version}", is not a supported version.'
            raise ApiError(400, f"The version you specified in the {text}")
        identity = self._identify()
        self._spend(identity)
        found = _ROUTER.find(self._request.method, self._path)
        is_ghes = services.settings.profile == "ghes-3.19"
        if found is None or (is_ghes and _GHES_PREFIX not in self._links.api):
            raise ApiError(404, "Not Found")
        endpoint, params = found
        self._endpoint, self._served.route = endpoint, endpoint.path
        self._docs = f"{DOCS}/{endpoint.docs}" if endpoint.docs else DOCS
        if identity is None and not endpoint.public:
            raise ApiError(401, "Requires authentication")
        call = Call(services, self._request, params, identity, self._links, self._version)
        self._check_permission(call, endpoint, identity)
        return await endpoint.handle(call)

    def _identify(self) -> Identity | None:
        authorization = self._request.headers.get("authorization")
        if authorization is None:
            return None
        try:
            return self._services.authentication.identify(authorization)
        except AuthenticationError as error:
            raise ApiError(401, str(error)) from None
        except SuspendedError:
            raise ApiError(403, "This installation has been suspended") from None

    def _spend(self, identity: Identity | None) -> None:
        key = identity.key if identity else "anonymous"
        self._served.client = key
        self._quota = self._services.limits.quota(key)
        if self._path == "/rate_limit":
            return
        if self._quota.remaining == 0:
            kind, _, number = key.partition(":")
            who = {"installation": f"installation ID {number}", "user": f"user ID {number}"}.get(kind, kind)
            raise ApiError(403, f"API rate limit exceeded for {who}.", docs=_LIMIT_DOCS)
        self._quota.used += 1

    def _check_permission(self, call: Call, endpoint: Endpoint, identity: Identity | None) -> None:
        if endpoint.permission is None or identity is None:
            return
        repository = call.repository.full_name if "repo" in call.params else None
        allowed = (identity.allows(one, repository) for one in endpoint.permission.split("; "))
        if not any(allowed):
            is_person = isinstance(identity, UserIdentity)
            text = (
                "Must have admin rights to Repository."
                if is_person
                else "Resource not accessible by integration"
            )
            raise ApiError(403, text)

    def _refuse(self, error: ApiError) -> Answer:
        docs = self._docs if error.docs is None else f"{DOCS}/{error.docs}"
        body: dict[str, object] = {
            "message": error.message,
            "documentation_url": docs,
            "status": str(error.status),
        }
        if error.errors is not None:
            body["errors"] = error.errors
        return Answer(status=error.status, body=body, headers=error.headers)

    def _response(self, answer: Answer) -> Response:
        content = answer.render()
        headers = self._headers(answer)
        if answer.status == 200 and self._request.method in ("GET", "HEAD"):
            etag = self._etag(content)
            headers |= {"etag": etag, "cache-control": "private, max-age=60, s-maxage=60"}
            if etag in self._request.headers.get("if-none-match", ""):
                return self._not_modified(headers)
        if answer.status != 204:
            headers["content-type"] = answer.media_type
        if self._request.method == "HEAD":
            headers["content-length"], content = str(len(content)), b""
        return Response(content, answer.status, headers=headers)

    def _not_modified(self, headers: dict[str, str]) -> Response:
        if self._quota is not None and self._path != "/rate_limit":
            self._quota.used -= 1
            headers |= self._quota.headers()
        return Response(status_code=304, headers=headers)

    def _etag(self, content: bytes) -> str:
        """An ETag belongs to the token that fetched it: a new token means one full answer per URL."""
        token = self._request.headers.get("authorization", "").encode()
        return (
            f'W/"{hashlib.blake2b(content, key=hashlib.sha256(token).digest(), digest_size=32).hexdigest()}"'
        )

    def _headers(self, answer: Answer) -> dict[str, str]:
        headers = {
            **_ALWAYS,
            "date": format_datetime(self._services.settings.clock().astimezone(UTC), usegmt=True),
            "x-github-media-type": "github.v3; format=json",
            "x-github-request-id": ":".join(secrets.token_hex(3).upper() for _ in range(5)),
            **(self._quota.headers() if self._quota else {}),
            **answer.headers,
        }
        if self._version in self._services.versions:
            headers["x-github-api-version-selected"] = self._version
        if self._services.settings.profile == "ghes-3.19":
            headers["x-github-enterprise-version"] = GHES_VERSION
        if self._endpoint is not None and self._endpoint.permission is not None:
            headers["x-accepted-github-permissions"] = self._endpoint.permission
        if self._version == "2022-11-28" and self._services.settings.profile == "github":
            headers |= _DEPRECATED
            headers["link"] = ", ".join(filter(None, (headers.get("link"), _DEPRECATION_LINK)))
        return headers


def _origin_form(scope: Scope) -> Scope:
    """Cut scheme and host off an absolute-form target.

    https://datatracker.ietf.org/doc/html/rfc9112#name-absolute-form
    """
    for scheme in ("http://", "https://"):
        if scope["path"].startswith(scheme):
            _, slash, rest = scope["path"].removeprefix(scheme).partition("/")
            scope["path"] = slash + rest or "/"
            raw = scope.get("raw_path", b"").partition(b"://")[2]
            scope["raw_path"] = b"/" + raw.partition(b"/")[2]
            scope["scheme"] = scheme.removesuffix("://")
    return scope


def _locate(request: Request) -> tuple[str, Links]:
    """Return the path within the API, and the bases of the URLs that lead back to it."""
    path, host = request.scope["path"], request.headers.get("host", "localhost")
    base = f"{request.scope.get('scheme', 'http')}://{host}"
    if path == "/api/graphql":
        return "/graphql", Links(f"{base}{_GHES_PREFIX}", base)
    if path == _GHES_PREFIX or path.startswith(f"{_GHES_PREFIX}/"):
        return path.removeprefix(_GHES_PREFIX) or "/", Links(f"{base}{_GHES_PREFIX}", base)
    return path, Links(base, base.replace("://api.", "://", 1))


def _wants_page(request: Request, path: str) -> bool:
    if request.method not in ("GET", "HEAD") or request.headers.get("host", "").startswith("api."):
        return False
    if path == "/":
        return "text/html" in request.headers.get("accept", "")
    return not path.startswith("/api/")
