"""The gateway's application."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from temporalio.client import Client

from perdure.web.approvals import Desk, router
from perdure.web.guard import Guard
from perdure.web.keys import SigningKey
from perdure.web.people import People
from perdure.web.problems import answer_with_problems


def create_app(client: Client, people: People, key: SigningKey, *, hosts: Collection[str] = ()) -> FastAPI:
    """Return the gateway.

    Args:
        client: The connection to the engine.
        people: Says who asks; closed with the application.
        key: Signs.
        hosts: Names beside localhost under which it may be asked for.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await people.close()

    app = FastAPI(
        title="Perdure",
        summary="Approvals: list, show, decide.",
        version=version("perdure"),
        lifespan=lifespan,
        # Its pages load scripts from elsewhere: the description itself is enough.
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = Desk(client, people, key)
    app.include_router(router)
    app.add_middleware(Guard, hosts=hosts)
    answer_with_problems(app)
    return app
