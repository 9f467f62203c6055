"""``perdure worker``: do the engine's work."""

from typing import Annotated

import typer

from perdure.cli._options import Address, Namespace


def command(  # noqa: PLR0913 - one parameter for each option
    *,
    queues: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Task queues to take work from; otherwise perdure, perdure-dispatch and perdure-watch."
            " Reviews have perdure-review and perdure-embed.",
        ),
    ] = None,
    deployment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Worker deployment that this worker is part of, with --build-id; else from the settings.",
        ),
    ] = None,
    build_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Which build of the deployment this is. It gets the work of this build's workflows alone, so"
            " an older one may finish what began on it.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="IP:PORT",
            help="Where Prometheus finds this worker's metrics, such as 127.0.0.1:9464; otherwise from the"
            " settings, else nowhere.",
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Take work from any Temporal server, until it is stopped.

    Run as many as you like, on as many machines: the server shares the work out, and keeps the limits for
    all of them together. Ctrl-C or SIGTERM lets what is running finish first; a second Ctrl-C ends at once,
    and another worker takes over. Reviews read strangers' code, so their queues want a worker of their own,
    with a token that may only read: --queues perdure-review,perdure-embed; it needs perdure[review].
    """
    import asyncio

    from perdure.cli import _worker
    from perdure.cli._worker_build import Build

    wanted = tuple(name.strip() for name in queues.split(",") if name.strip()) if queues else None
    build = Build(deployment=deployment, build_id=build_id)
    return asyncio.run(_worker.work(wanted, build, address=address, namespace=namespace, metrics=metrics))
