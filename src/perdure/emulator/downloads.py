"""Logs and artifacts are served from addresses that need no credentials and are valid for a minute."""

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from perdure.emulator.services import Services
    from perdure.emulator.wire import Call

PREFIX = "/_download/"
LIFETIME = 60


def download_url(call: "Call", what: str) -> str:
    """Return the signed address of ``job/ID``, ``run/ID/ATTEMPT`` or ``artifact/ID``."""
    services = call.services
    expires = int(services.state.now().timestamp()) + LIFETIME
    base = services.settings.download_url or call.links.html
    return f"{base}{PREFIX}{what}?se={expires}&sig={services.sign(f'{what}:{expires}')}"


def serve_download(services: "Services", request: Request, path: str) -> Response:
    """Answer a request for a download."""
    what, query = path.removeprefix(PREFIX), request.query_params
    if services.settings.download_url is not None and "authorization" in request.headers:
        return PlainTextResponse("InvalidAuthenticationInfo", 400)
    if not _is_valid(services, what, query):
        return PlainTextResponse("AuthenticationFailed", 403)
    kind, _, rest = what.partition("/")
    match kind:
        case "job":
            return _job(services, int(rest))
        case "run":
            number, _, attempt = rest.partition("/")
            content = services.logs.archive(services.state.jobs_of(int(number), int(attempt)))
            return _zip(content, f"logs_{number}.zip")
        case _:
            return _artifact(services, int(rest))


def _is_valid(services: "Services", what: str, query: Mapping[str, str]) -> bool:
    expires = query.get("se", "")
    if not expires.isdigit() or int(expires) < services.state.now().timestamp():
        return False
    return hmac.compare_digest(services.sign(f"{what}:{expires}").encode(), query.get("sig", "").encode())


def _job(services: "Services", number: int) -> Response:
    job = services.state.jobs.get(number)
    if job is None:
        return PlainTextResponse("BlobNotFound", 404)
    # The log begins with a byte order mark, as GitHub's does.
    return PlainTextResponse("\ufeff" + services.logs.text(job))


def _artifact(services: "Services", number: int) -> Response:
    artifact = services.state.artifacts.get(number)
    if artifact is None:
        return PlainTextResponse("BlobNotFound", 404)
    return _zip((services.state.folder / artifact.file).read_bytes(), f"{artifact.name}.zip")


def _zip(content: bytes, name: str) -> Response:
    safe = "".join(letter if letter.isascii() and letter not in '"\\' else "_" for letter in name)
    headers = {"content-disposition": f'attachment; filename="{safe}"'}
    return Response(content, media_type="application/zip", headers=headers)
