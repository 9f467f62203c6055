"""Git's own way to read repositories: ``git fetch http://.../OWNER/NAME.git`` with a token as the password.

The protocol is git's program ``http-backend``; who may read is decided here, as for the API. Pushes are
refused: branches are changed through the API, or in the repositories' folders.
https://git-scm.com/docs/git-http-backend
"""

import asyncio
import base64
import binascii
import os
import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from perdure.emulator.auth import AuthenticationError, Identity, SuspendedError
from perdure.emulator.repositories import Repository
from perdure.emulator.services import Services

ROUTE = "git"
_PATH = re.compile(
    r"/(?P<owner>[^/]+)/(?P<name>[^/]+?)(\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack)"
)
_SERVICE = "git-upload-pack"


def is_git(path: str) -> bool:
    """Say whether this is one of git's own addresses."""
    return _PATH.fullmatch(path) is not None


async def serve_git(services: Services, request: Request, path: str) -> Response:
    """Answer one of git's requests."""
    found = _PATH.fullmatch(path)
    if found is None:
        return PlainTextResponse("Not Found", 404)
    identity = _identify(services, request.headers.get("authorization", ""))
    if identity is None:
        return PlainTextResponse(
            "Authentication failed", 401, headers={"www-authenticate": 'Basic realm="GitHub"'}
        )
    repository = services.repositories.find(found["owner"], found["name"])
    if repository is None or not identity.reaches(repository.full_name):
        return PlainTextResponse("Repository not found.", 404)
    wanted = request.query_params.get("service") if found["rest"] == "info/refs" else found["rest"]
    if wanted != _SERVICE:
        return PlainTextResponse("This emulator takes no pushes over HTTP.", 403)
    if not identity.allows("contents=read", repository.full_name):
        return PlainTextResponse("Write access to repository not granted.", 403)
    return await _backend(repository, request, f"/{found['rest']}")


def _identify(services: Services, authorization: str) -> Identity | None:
    """Return whose token it is: the password, whoever the user claims to be."""
    scheme, _, credentials = authorization.partition(" ")
    token = credentials.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    try:
        return services.authentication.identify(f"Bearer {token}") if token else None
    except (AuthenticationError, SuspendedError):
        return None


async def _backend(repository: Repository, request: Request, rest: str) -> Response:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROJECT_ROOT": str(repository.git_dir),
        "PATH_INFO": rest,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }
    process = await asyncio.create_subprocess_exec(
        # GitHub gives out any commit that a branch, tag or pull request leads to.
        *("git", "-c", "safe.directory=*", "-c", "uploadpack.allowAnySHA1InWant=true", "http-backend"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in environment.items() if value},
    )
    try:
        answer, _ = await process.communicate(await request.body())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200").split(" ")[0])
    return Response(body, status, headers={name.lower(): value for name, value in headers.items()})
