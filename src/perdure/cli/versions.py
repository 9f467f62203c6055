"""``perdure versions``: what of old code is still needed."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._options import Address, JsonLines, Namespace


def command(  # noqa: PLR0913 - one parameter for each option
    *,
    workflows: Annotated[
        list[str] | None,
        typer.Option(
            "--workflows",
            metavar="MODULE[:CLASS]",
            help="Workflows of your own beside Perdure's, and what they import of their package; repeatable.",
        ),
    ] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Option(
            "--path",
            metavar="PATH",
            help="A file or a folder of code to look through besides, without importing it; repeatable.",
        ),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Replay running workflows that lack a patch's mark, at most 200 for each, to tell those that"
            " took the old code from those that have not come so far.",
        ),
    ] = False,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Show which patches in the code may go, and which builds of workers are still needed.

    For every workflow.patched and workflow.deprecate_patch: how many running workflows carry its mark, how
    many do not, and what may be done. For every build of a worker deployment: its state, the workflows that
    run on it and its workers.

    Exits with 1 where running workflows would get stuck: they carry a mark that no code knows, or run on a
    build that has no worker.
    """
    from perdure.cli import _versions

    wanted = _versions.Wanted(workflows=tuple(workflows or ()), paths=tuple(paths or ()), replay=replay)
    return _versions.show(wanted, as_json=as_json, address=address, namespace=namespace)
