"""The codec server: opens payloads for Temporal's command and web UI, for people who may read them.

``POST /encode`` and ``/decode`` take and return payloads as protobuf's JSON, with the namespace in the header
``X-Namespace`` or before the path. ``/download``, and ``/decode`` unless it is told
``preserveStorageRefs=true``, fetch what stands outside the history first.

Who had which workflow's payloads opened is logged, for that is what encryption was for.

https://docs.temporal.io/codec-server
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, Request
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import StorageDriverRetrieveContext

from perdure.engine.codec import EncryptionCodec
from perdure.engine.external_storage import FolderDriver, reference_of
from perdure.errors import GitHubError, PerdureError
from perdure.web.codec_access import COOKIE, SESSION_SECONDS, CodecAccess
from perdure.web.codec_pages import SIGNED_IN, sign_in_page
from perdure.web.problems import answer_with_problems

MAX_BODY: Final = 64 * 1024 * 1024
"""A page of a history may hold 4 MB of payloads, which base 64 and JSON make more of; a download, any."""

_log = logging.getLogger("perdure.codec")

router = APIRouter()


@dataclass(frozen=True)
class CodecDesk:
    """What the routes work with.

    Attributes:
        codec_of: Returns a namespace's codec.
        driver_of: Returns where a namespace's large payloads are.
        access: Knows who may ask.
        namespace: The one that is meant where a request names none.
        origins: Of pages that may ask.
    """

    codec_of: Callable[[str], EncryptionCodec]
    driver_of: Callable[[str], FolderDriver]
    access: CodecAccess
    namespace: str
    origins: frozenset[str] = frozenset()


def create_codec_app(desk: CodecDesk) -> FastAPI:
    """Return the codec server."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.access.close()

    app = FastAPI(title="Perdure's codec server", lifespan=lifespan, openapi_url=None)
    app.state.desk = desk
    app.include_router(router)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(desk.origins),
        allow_methods=["POST"],
        allow_headers=["Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"],
        allow_credentials=True,
    )
    answer_with_problems(app)
    return app


@dataclass(frozen=True)
class Asked:
    """One request: who asks for which namespace, with which payloads."""

    who: str
    namespace: str
    payloads: Collection[Payload]


async def _asked(request: Request) -> Asked:
    desk = _desk(request)
    _require_known_origin(request, desk)
    who = await desk.access.who(request.headers.get("authorization"), request.cookies.get(COOKIE))
    named = request.path_params.get("namespace") or request.headers.get("x-namespace")
    try:
        payloads = Parse(await _body(request), Payloads(), ignore_unknown_fields=True).payloads
    except (ParseError, UnicodeDecodeError):
        raise HTTPException(400, 'the body is not {"payloads": [...]}') from None
    return Asked(who, named or desk.namespace, payloads)


def _desk(request: Request) -> CodecDesk:
    desk = request.app.state.desk
    if not isinstance(desk, CodecDesk):
        msg = "the codec server was not set up"
        raise TypeError(msg)
    return desk


def _require_known_origin(request: Request, desk: CodecDesk) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() not in {*desk.origins, str(request.base_url).rstrip("/")}:
        # Without the answer's headers a page could not read it, but that it was decoded would be logged.
        raise HTTPException(403, "pages of this origin may not ask: see codec_origins in [encryption]")


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise HTTPException(413, "more was sent than a request may hold")
        parts.append(part)
    return b"".join(parts)


AskedFor = Annotated[Asked, Depends(_asked)]
DeskOfApp = Annotated[CodecDesk, Depends(_desk)]


@router.post("/encode")
@router.post("/{namespace}/encode")
async def encode(asked: AskedFor, desk: DeskOfApp) -> Response:
    """Encrypt payloads that somebody types into the UI or the command."""
    sealed = await desk.codec_of(asked.namespace).encode(list(asked.payloads))
    _log.info("encoded for %s: %d payloads, namespace %r", asked.who, len(sealed), asked.namespace)
    return _answer(sealed)


@router.post("/decode")
@router.post("/{namespace}/decode")
async def decode(asked: AskedFor, desk: DeskOfApp, preserveStorageRefs: bool = False) -> Response:
    """Open payloads; those outside the history are fetched unless the caller wants their references."""
    return await _opened(asked, desk, fetching=not preserveStorageRefs, verb="decoded")


@router.post("/download")
@router.post("/{namespace}/download")
async def download(asked: AskedFor, desk: DeskOfApp) -> Response:
    """Fetch payloads that are outside the history, and open them."""
    return await _opened(asked, desk, fetching=True, verb="downloaded")


async def _opened(asked: Asked, desk: CodecDesk, *, fetching: bool, verb: str) -> Response:
    payloads = list(asked.payloads)
    try:
        if fetching:
            payloads = await _fetched(desk.driver_of(asked.namespace), payloads)
        opened = await desk.codec_of(asked.namespace).opened(payloads)
    except PerdureError as error:
        _log.warning("refused to %s, namespace %r: %s", asked.who, asked.namespace, error)
        raise
    _log.info(
        "%s for %s: %d payloads, namespace %r, workflows %s, keys %s",
        verb,
        asked.who,
        len(opened),
        asked.namespace,
        _listed(one.workflow_id for one in opened),
        _listed(one.key_id or "" for one in opened),
    )
    return _answer([one.payload for one in opened])


async def _fetched(driver: FolderDriver, payloads: list[Payload]) -> list[Payload]:
    fetched = []
    for payload in payloads:
        claim = reference_of(payload)
        fetched.extend(
            await driver.retrieve(StorageDriverRetrieveContext(), [claim]) if claim is not None else [payload]
        )
    return fetched


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted({name for name in names if name})) or "unknown"


def _answer(payloads: Collection[Payload]) -> Response:
    body = MessageToJson(Payloads(payloads=payloads), indent=None)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/")
async def page() -> HTMLResponse:
    """Ask a person who they are."""
    return sign_in_page()


@router.post("/sign-in")
async def sign_in(request: Request, desk: DeskOfApp) -> Response:
    """Let a browser ask in a person's name for some hours."""
    _require_known_origin(request, desk)
    form = parse_qs((await _body(request)).decode(errors="replace"))
    try:
        who = await desk.access.of_token("".join(form.get("token", ())).strip())
    except GitHubError as error:
        return sign_in_page(problem=f"{error}: {error.hint}" if error.hint else str(error), status=401)
    _log.info("signed in: %s", who)
    answer = RedirectResponse(SIGNED_IN, status_code=303)
    answer.set_cookie(
        COOKIE,
        desk.access.new_session(who),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(SIGNED_IN)
async def signed_in() -> HTMLResponse:
    """Say what to do next."""
    return sign_in_page(done=True)
