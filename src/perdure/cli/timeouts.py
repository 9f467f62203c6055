"""``perdure timeouts``: time-outs from evidence."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._options import Address, JsonLines, Namespace


def command(  # noqa: PLR0913 - one parameter for each option
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Folders or files that perdure replay export wrote; otherwise the namespace is asked.",
        ),
    ] = None,
    *,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            metavar="FILTER",
            help="Which workflows count, as a list filter of Temporal's; otherwise all that have ended.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-L", min=1, metavar="N", help="Read at most so many histories, newest first."
        ),
    ] = 1000,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Propose time-outs for every activity type from how long its activities took.

    Start-to-close and schedule-to-start are twice the 99.9th percentile, rounded up. Histories hold no
    heartbeats: that time-out is a tenth of start-to-close, from 10 s to 1 min, and none where start-to-close
    is short itself. Fewer than 100 activities are too few; fewer than 1,000 are said to be few.
    """
    from perdure.cli import _timeouts

    wanted = _timeouts.Wanted(paths=tuple(paths or ()), query=query, limit=limit)
    return _timeouts.show(wanted, as_json=as_json, address=address, namespace=namespace)
