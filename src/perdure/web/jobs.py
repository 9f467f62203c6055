"""Where somebody outside brings the result of a job, such as a provider's batch service.

Whoever does a job holds its token and nothing else: no account, and no way to Temporal. A result may come
early, late and often.
"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from temporalio.client import Client

from perdure.config import Settings
from perdure.engine.outside_jobs import deliver, keep_result
from perdure.errors import UsageError
from perdure.model.outside_jobs import Delivery

RESULT_PATH: Final = "/api/jobs/result"
MAX_RESULT: Final = 64 * 1024 * 1024
"""Bytes that a result may have."""

router = APIRouter(tags=["jobs"])


class JobDesk:
    """Where results are kept, and who is told of them."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def bring(self, token: str, content: bytes) -> Delivery:
        """Keep a result, then tell whoever waits for it."""
        # First: whatever the engine does now, the result is not lost.
        kept = await asyncio.to_thread(keep_result, self._settings, token, content)
        return await deliver(self._client, self._settings, kept)


class Brought(BaseModel):
    """What became of a result.

    Attributes:
        delivery: ``delivered``, ``kept`` until somebody asks, ``repeated``, or ``ignored`` because another
            result was brought before.
    """

    delivery: Delivery


@router.post(RESULT_PATH, status_code=202)
async def bring_result(request: Request, authorization: Annotated[str, Header()] = "") -> Brought:
    """Bring the result of a job: its token as bearer token, the result as body. Harmless to repeat."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise HTTPException(401, "send the job's token: Authorization: Bearer TOKEN")
    desk: JobDesk = request.app.state.jobs
    try:
        return Brought(delivery=await desk.bring(token.strip(), await request.body()))
    except UsageError:
        raise HTTPException(404, "no job has this token") from None
