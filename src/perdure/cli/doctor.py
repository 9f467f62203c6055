"""``perdure doctor``: what is wrong with this set-up, and how to mend it."""

from typing import Annotated

import typer

from perdure.cli._options import Address, JsonLines, Namespace


def command(
    repository: Annotated[
        str | None, typer.Argument(metavar="OWNER/REPO", help="Check access to this repository too.")
    ] = None,
    workflow_file: Annotated[
        str | None,
        typer.Argument(
            metavar="WORKFLOW.yml",
            help="Check that this workflow file can be dispatched, takes a dispatch id and shows it.",
        ),
    ] = None,
    *,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Check settings, engine and GitHub, and say how to mend what is wrong. Changes nothing.

    Exits with 0 when nothing is wrong (warnings are allowed), with 1 otherwise.
    """
    from perdure.cli import _doctor

    subject = _doctor.Subject(repository=repository, workflow_file=workflow_file)
    return _doctor.check(subject, as_json=as_json, address=address, namespace=namespace)
