"""``perdure review``: reviews of pull requests, repositories and folders."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Json, Namespace, Timeout

if TYPE_CHECKING:
    from typer._click.core import Context

_DEFAULT = "run"


class _ReviewGroup(TyperGroup):
    """Takes what names no command for what is to be reviewed."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put the command's name before a target or an option of it."""
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = new_app(cls=_ReviewGroup)


class Require(StrEnum):
    """When people are asked."""

    NEVER = "never"
    ALWAYS = "always"
    WHEN = "when"


class FailOn(StrEnum):
    """From which severity on a finding is a failure."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@app.callback(invoke_without_command=True)
def review(context: typer.Context) -> None:
    """Review pull requests, repositories and folders: perdure review OWNER/REPO#N."""
    help_when_alone(context)


@app.command(
    _DEFAULT,
    cls=PerdureCommand,
    short_help="Review something; the word run may be left out.",
    epilog="\b\nExamples:\n  perdure review acme/service#7\n"
    "  perdure review acme/service#7 --fix --require-approval always --approver alice\n"
    "  perdure review acme/service --ref main --sarif findings.sarif\n"
    "  perdure review --path . --base main",
)
def run(  # noqa: PLR0913 - one parameter for each option
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[OWNER/REPO[#N]]", help="A pull request, or a whole repository.", show_default=False
        ),
    ] = None,
    *,
    ref: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Branch, tag or commit of a whole repository; otherwise its default branch."
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Review a git work tree on this machine, uncommitted changes too."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="REV", help="With --path: review what has changed since this revision."),
    ] = None,
    analysers: Annotated[
        list[str] | None,
        typer.Option(
            "--analyser", metavar="NAME", help="A static reviewer; all that are configured otherwise."
        ),
    ] = None,
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="Have the configured language model review too.")
    ] = True,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Post the review at GitHub, with a check run.")
    ] = True,
    fix: Annotated[
        bool, typer.Option("--fix", help="Commit safe suggestions to the pull request's branch.")
    ] = False,
    require_approval: Annotated[
        Require, typer.Option(help="Ask people first: never, always, or when it is about security.")
    ] = Require.NEVER,
    approvers: Annotated[
        list[str] | None,
        typer.Option("--approver", metavar="LOGIN", help="Who may decide: a login, or team:ORG/SLUG."),
    ] = None,
    quorum: Annotated[int, typer.Option(metavar="N", min=1, help="How many have to approve.")] = 1,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REFERENCE",
            help="Secret reference of a Slack-compatible webhook that is told when people are waited for.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="What models may cost for this review, in US dollars."),
    ] = None,
    fail_on: Annotated[
        FailOn,
        typer.Option(help="Findings of this severity or a higher one fail the check run and this command."),
    ] = FailOn.WARNING,
    sarif: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the findings as SARIF 2.1.0.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Start it, print its id, and leave.")
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Review a pull request, a whole repository, or a folder on this machine.

    Static analysers always look; a language model does where [review] configures one. The review is published
    as one review with comments and a check run. Typed again it attaches to what runs, and pays for nothing
    twice. Exits with 0 where everything was reviewed and nothing found that matters, with 1 otherwise.
    """
    from perdure.cli import _review_run
    from perdure.cli._action_run import Waiting

    options = _review_run.Options(
        analysers=tuple(analysers or ()),
        model=model,
        publish=publish,
        fix=fix,
        require_approval=require_approval.value,
        approvers=tuple(approvers or ()),
        quorum=quorum,
        notify=tuple(notify or ()),
        budget=budget,
        fail_on=fail_on.value,
        sarif=sarif,
    )
    asked = _review_run.read_target(target, ref=ref, path=path, base=base)
    waiting = Waiting(detach=detach, timeout=timeout, as_json=as_json)
    return _review_run.run(asked, options, waiting, address=address, namespace=namespace)


@app.command(
    cls=PerdureCommand,
    short_help="Score the reviewers on cases of which is known what is wrong.",
    epilog="\b\nExamples:\n  perdure review score examples/review-cases\n"
    "  PERDURE_MODEL=openai:gpt-5-mini perdure review score examples/review-cases --analyser none",
)
def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of cases.", show_default=False)],
    *,
    analysers: Annotated[
        list[str] | None,
        typer.Option("--analyser", metavar="NAME", help="A static reviewer, or none; all of them otherwise."),
    ] = None,
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="Score the configured language model too.")
    ] = True,
    budget: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="What models may cost, in US dollars."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Score the reviewers on labelled cases: recall, precision, and false alarms on clean cases.

    A case is a file NAME.toml, or a folder with case.toml, before/ and after/. It says in which file and line
    something should be found, or nothing for a clean case. A finding within two lines counts. Exits with 1
    where something could not be reviewed.
    """
    from perdure.cli import _review_score

    return _review_score.run(folder, analysers=analysers or (), model=model, as_json=as_json, budget=budget)
