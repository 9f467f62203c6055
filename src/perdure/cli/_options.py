"""Options that several commands share. Import-light: help and completion read them."""

from datetime import timedelta
from typing import Annotated

import typer

from perdure.cli._durations import parse_duration

Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Temporal's address; otherwise from TEMPORAL_ADDRESS or Temporal's own settings, else"
        " localhost:7233.",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Temporal's namespace; otherwise from TEMPORAL_NAMESPACE or Temporal's own settings.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Timeout = Annotated[
    timedelta | None,
    typer.Option(
        parser=parse_duration,
        metavar="DURATION",
        help="Stop waiting after this time (30s, 30m, 6h, 1d) with exit status 3; the action goes on.",
    ),
]
ActionId = Annotated[
    str, typer.Argument(metavar="ID", help="The action's id, or the KEY that was given with --id.")
]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The id of an action, a pipeline or a review; or an action's KEY, or a pipeline's NAME/KEY, that"
        " was given with --id; or OWNER/REPO#N of a review.",
    ),
]
