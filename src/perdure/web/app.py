"""The gateway's application."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from temporalio.client import Client

from perdure.config import Settings
from perdure.web.approvals import Desk, router
from perdure.web.guard import Guard
from perdure.web.jobs import MAX_RESULT, RESULT_PATH, JobDesk
from perdure.web.jobs import router as jobs
from perdure.web.keys import SigningKey
from perdure.web.people import People
from perdure.web.problems import answer_with_problems


def create_app(
    client: Client,
    people: People,
    key: SigningKey,
    *,
    hosts: Collection[str] = (),
    settings: Settings | None = None,
) -> FastAPI:
    """Return the gateway.

    Args:
        client: The connection to the engine.
        people: Says who asks; closed with the application.
        key: Signs.
        hosts: Names beside localhost under which it may be asked for.
        settings: Where results of jobs that others do are kept; the defaults where they are left out.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await people.close()

    app = FastAPI(
        title="Perdure",
        summary="Approvals: list, show, decide. Results of jobs that others do.",
        version=version("perdure"),
        lifespan=lifespan,
        # Its pages load scripts from elsewhere: the description itself is enough.
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = Desk(client, people, key)
    app.state.jobs = JobDesk(client, settings or Settings())
    app.include_router(router)
    app.include_router(jobs)
    app.add_middleware(Guard, hosts=hosts, larger={RESULT_PATH: MAX_RESULT})
    answer_with_problems(app)
    return app
