"""``perdure demo``: everything at work once."""

from typing import Annotated

import typer


def command(
    *,
    wait_time: Annotated[int, typer.Option(min=0, metavar="SECONDS", help="How long the Action waits.")] = 3,
    message: Annotated[str, typer.Option(metavar="TEXT", help="What it says.")] = "Hello from Perdure",
    review: Annotated[
        bool, typer.Option("--review", help="Review a pull request instead; needs perdure[review].")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with all data and logs.")] = False,
) -> int:
    """Run an Actions workflow and a release across three repositories durably, without an account.

    Starts a Temporal server, an emulated GitHub and a worker on free ports and in a folder of their own, runs
    the example wait-then-echo through them, then the pipeline of examples/release with two people's
    approvals, shows both at work, and stops everything again. A running `perdure up` does not notice. With
    --review it reviews the pull request of an example repository, offline, and commits the fixes that are
    approved; with [review] models or PERDURE_MODEL a language model reviews too.
    """
    import asyncio

    from perdure.cli import _demo

    inputs = {"wait_time": str(wait_time), "message": message}
    return asyncio.run(_demo.demo(inputs, review=review, keep=keep))
