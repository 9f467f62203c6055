"""``perdure approval``: what people are asked, and their answers."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Json, JsonLines, Namespace

app = new_app()

ApprovalId = Annotated[
    str, typer.Argument(metavar="ID", help="The approval's id, with or without approval/ before it.")
]
ActingAs = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="LOGIN", help="In local mode: who you are, if not the operating system's user."
    ),
]
Comment = Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="Why. It is kept.")]


@app.callback(invoke_without_command=True)
def approval(context: typer.Context) -> None:
    """List, show and decide approvals.

    Through the gateway that the settings name, which knows you by your GitHub token (PERDURE_USER_TOKEN, else
    `gh auth token`). Without one, directly at an engine of your own, where you are taken at your word.
    """
    help_when_alone(context)


@app.command("list", cls=PerdureCommand, epilog="\b\nExample:\n  perdure approval list --mine")
def list_open(
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that wait for you.")] = False,
    as_json: JsonLines = False,
    acting_as: ActingAs = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """List open approvals, the newest first."""
    from perdure.cli import _approval_commands

    where = _approval_commands.Where(acting_as=acting_as, address=address, namespace=namespace)
    return _approval_commands.list_open(where, mine=mine, as_json=as_json)


@app.command("show", cls=PerdureCommand, epilog="\b\nExample:\n  perdure approval show release-1.2.3")
def show(
    approval_id: ApprovalId, *, as_json: Json = False, address: Address = None, namespace: Namespace = None
) -> int:
    """Show who was asked what, who decided how, and until when there is time."""
    from perdure.cli import _approval_commands

    where = _approval_commands.Where(address=address, namespace=namespace)
    return _approval_commands.show(where, approval_id, as_json=as_json)


@app.command(
    "approve",
    cls=PerdureCommand,
    short_help="Approve, which is final.",
    epilog='\b\nExample:\n  perdure approval approve release-1.2.3 --form percent=10 --comment "as agreed"',
)
def approve(  # noqa: PLR0913 - one parameter for each option
    approval_id: ApprovalId,
    *,
    comment: Comment = "",
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--form",
            "-f",
            metavar="KEY=VALUE",
            help="Fill in a field; others have their defaults. Repeatable.",
        ),
    ] = None,
    acting_as: ActingAs = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Approve what `perdure approval show` shows. It is final, and goes on once enough have approved."""
    from perdure.cli import _approval_commands
    from perdure.model.approvals import Verdict

    where = _approval_commands.Where(acting_as=acting_as, address=address, namespace=namespace)
    return _approval_commands.decide(
        where, approval_id, Verdict.APPROVED, comment=comment, form=tuple(form or ())
    )


@app.command(
    "reject",
    cls=PerdureCommand,
    short_help="Reject, which is final.",
    epilog='\b\nExample:\n  perdure approval reject release-1.2.3 --comment "not on a Friday"',
)
def reject(
    approval_id: ApprovalId,
    *,
    comment: Comment = "",
    acting_as: ActingAs = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Reject. It is final, and one rejection is enough."""
    from perdure.cli import _approval_commands
    from perdure.model.approvals import Verdict

    where = _approval_commands.Where(acting_as=acting_as, address=address, namespace=namespace)
    return _approval_commands.decide(where, approval_id, Verdict.REJECTED, comment=comment)
