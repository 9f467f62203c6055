"""``perdure pipeline``: pipeline files."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._durations import parse_duration
from perdure.cli._fields import Fields, RawFields, read_fields
from perdure.cli._options import Address, Json, JsonLines, Namespace, Timeout

app = new_app()

_FILE_OR_PLAN = "perdure pipeline run FILE -f key=value, or perdure pipeline run --plan PLAN"


class OverlapWord(StrEnum):
    """What a scheduled start does beside a running one: see :class:`perdure.pipeline.scheduling.Overlap`."""

    SKIP = "skip"
    BUFFER_ONE = "buffer-one"
    BUFFER_ALL = "buffer-all"
    CANCEL_OTHER = "cancel-other"
    ALLOW_ALL = "allow-all"


class Stage(StrEnum):
    """Where a pipeline is rehearsed."""

    EMULATOR = "emulator"


File = Annotated[str, typer.Argument(metavar="FILE", help="The pipeline file; - is stdin.")]


@app.callback(invoke_without_command=True)
def pipeline(context: typer.Context) -> None:
    """Write, check, draw, plan, rehearse, run and schedule pipeline files."""
    help_when_alone(context)


@app.command(
    "check",
    cls=PerdureCommand,
    short_help="Find everything that is wrong with pipeline files.",
    epilog="\b\nExamples:\n  perdure pipeline check release.yaml\n"
    "  perdure pipeline check pipelines/*.yaml --json",
)
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The pipeline files; - is stdin.")],
    *,
    as_json: Json = False,
) -> int:
    """Find everything that is wrong with pipeline files, each mistake as file:line:column: message.

    The files that their steps run are checked with them: that each is given the inputs it takes, and returns
    the outputs that are read. Exits with 0 where all are right and with 2 otherwise. Needs neither an engine
    nor GitHub.
    """
    from perdure.cli import _pipeline_files

    return _pipeline_files.check(files, as_json=as_json)


@app.command(
    "schema",
    cls=PerdureCommand,
    short_help="Print the JSON Schema of pipeline files.",
    epilog="\b\nExample:\n  perdure pipeline schema > pipeline.schema.json\n\n\b\n"
    "Then begin a pipeline file with:\n  # yaml-language-server: $schema=pipeline.schema.json",
)
def schema() -> None:
    """Print the JSON Schema of pipeline files, with which editors complete and explain them."""
    from perdure.cli import _pipeline_files

    _pipeline_files.print_schema()


@app.command(
    "init",
    cls=PerdureCommand,
    short_help="Write a first pipeline file for named repositories.",
    epilog="\b\nExample:\n  perdure pipeline init acme/library acme/service acme/deploy",
)
def init(
    repositories: Annotated[
        list[str],
        typer.Argument(metavar="OWNER/REPO...", help="The repositories, in the order of their release."),
    ],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is stdout.")
    ] = "pipeline.yaml",
) -> None:
    """Write a first pipeline file that releases repositories in order, the last after an approval.

    A file that is there is never overwritten.
    """
    from perdure.cli import _pipeline_files

    _pipeline_files.init(repositories, output=output)


@app.command(
    "graph",
    cls=PerdureCommand,
    short_help="Print a pipeline's graph as Mermaid.",
    epilog="\b\nExample:\n  perdure pipeline graph release.yaml > release.mmd",
)
def graph(file: File) -> None:
    """Print a pipeline's graph as a Mermaid flowchart, which GitHub shows in Markdown."""
    from perdure.cli import _pipeline_files

    _pipeline_files.print_graph(file)


@app.command(
    "plan",
    cls=PerdureCommand,
    short_help="Resolve a pipeline to exact commits, inputs and approvers.",
    epilog="\b\nExample:\n  perdure pipeline plan release.yaml -f version=v1.2.3 --out release.plan.json",
)
def plan_pipeline(
    file: File,
    *,
    raw_field: RawFields = None,
    field: Fields = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="PLAN", help="Write the plan to a file too.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Print what a pipeline would do: each commit, input, approver and group, and what undoes it.

    Asks GitHub whether each workflow file exists and takes the inputs that it is given, and says everything
    that is wrong at once. Changes nothing, and needs no engine.
    """
    from perdure.cli import _pipeline_plan

    inputs = read_fields(raw_field, field)
    return _pipeline_plan.plan(file, inputs, out=out, as_json=as_json)


@app.command(
    "run",
    cls=PerdureCommand,
    short_help="Run a pipeline durably.",
    epilog="\b\nExamples:\n  perdure pipeline run release.yaml -f version=v1.2.3\n"
    "  perdure pipeline run release.yaml -f version=v1.2.3 --id v1.2.3 --detach",
)
def run_pipeline(  # noqa: PLR0913 - one parameter for each option
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="The pipeline file; - is stdin.", show_default=False),
    ] = None,
    *,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="PLAN", help="Run what `perdure pipeline plan` wrote, exactly."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Plan only, print the plan, and start nothing.")
    ] = False,
    raw_field: RawFields = None,
    field: Fields = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="KEY",
            help="A name of your own for this run of the pipeline. The same KEY again attaches to what is"
            " there and never starts it twice.",
        ),
    ] = None,
    compensate: Annotated[
        bool,
        typer.Option(
            "--compensate/--no-compensate",
            help="Whether a failure or a cancellation undoes what had succeeded.",
        ),
    ] = True,
    detach: Annotated[
        bool,
        typer.Option("--detach", "-d", help="Print the pipeline's id as soon as it is started, and leave."),
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Run a pipeline to its end, and print how each of its jobs ended.

    Everything that is wrong with the file, the files that its steps run and the inputs is said first:
    nothing is started then. Workers carry it out, not this command: Ctrl-C leaves it running, and so does a
    reboot. Needs a running engine and a worker: `perdure up` starts both.
    """
    from perdure.cli import _action_run, _pipeline_plan, _pipeline_run
    from perdure.errors import UsageError

    inputs = read_fields(raw_field, field)
    waiting = _action_run.Waiting(detach=detach, timeout=timeout, as_json=as_json)
    if (file is None) == (plan is None) or (plan is not None and (inputs or dry_run)):
        raise UsageError("name either a pipeline file or a plan, which has its inputs", hint=_FILE_OR_PLAN)
    if plan is not None:
        return _pipeline_plan.run_plan(
            plan, key, waiting, compensate=compensate, address=address, namespace=namespace
        )
    if dry_run:
        return _pipeline_plan.plan(file or "", inputs, out=None, as_json=as_json)
    options = _pipeline_run.Options(inputs=inputs, key=key, compensate=compensate)
    return _pipeline_run.run(file or "", options, waiting, address=address, namespace=namespace)


@app.command(
    "rehearse",
    cls=PerdureCommand,
    short_help="Run a pipeline where nothing real can be touched.",
    epilog="\b\nExamples:\n  perdure pipeline rehearse release.yaml -f version=v1.2.3\n"
    "  perdure pipeline rehearse release.yaml -f version=v1.2.3 --explore\n"
    "  perdure pipeline rehearse release.yaml -f version=v1.2.3 --from ~/src --scenario flaky.yaml",
)
def rehearse_pipeline(  # noqa: PLR0913 - one parameter for each option
    file: File,
    *,
    on: Annotated[
        Stage,
        typer.Option("--on", help="Where: on a GitHub that this machine plays, over copies of repositories."),
    ] = Stage.EMULATOR,
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", metavar="SCENARIO", help="A file that says which steps fail, and how."),
    ] = None,
    explore: Annotated[
        bool,
        typer.Option("--explore", help="Let each step fail in turn, and print what comes of each."),
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="A folder that has all repositories, as OWNER/NAME or NAME; else they come from GitHub.",
        ),
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option("--repository", metavar="OWNER/NAME=PATH", help="Where one of them is on this machine."),
    ] = None,
    raw_field: RawFields = None,
    field: Fields = None,
    unisolated: Annotated[
        bool,
        typer.Option(
            "--unisolated",
            help="Rehearse even where this machine cannot keep steps away from its files and the network.",
        ),
    ] = False,
    limit: Annotated[
        timedelta | None,
        typer.Option(
            "--timeout",
            parser=parse_duration,
            metavar="DURATION",
            help="How long one rehearsal may take before it is given up; else 10m.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with copies and logs.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the report as Markdown, for a pull request.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Run a pipeline on copies of its repositories, with an engine of its own, and report what came of it.

    Its Actions run on this machine, isolated and without the network. Approvals are given by the rehearsal's
    rules; pauses are skipped, nobody is notified, and activities of your own do not run: the report names all
    that was left out. It compares what was rehearsed with the real plan. Exits with 1 where the pipeline
    fails; with --explore, where it fails although nothing was made to fail.
    """
    from perdure.cli import _pipeline_rehearse

    options = _pipeline_rehearse.Options(
        on=on.value,
        inputs=read_fields(raw_field, field),
        scenario=scenario,
        explore=explore,
        below=source,
        repositories=tuple(repository or ()),
        unisolated=unisolated,
        limit=limit,
        keep=keep,
        output="json" if as_json else "markdown" if markdown else "text",
    )
    return _pipeline_rehearse.rehearse(file, options)


@app.command(
    "schedule",
    cls=PerdureCommand,
    short_help="Let a pipeline start by itself, as its file says.",
    epilog="\b\nExample:\n  perdure pipeline schedule nightly.yaml\n  perdure schedule list",
)
def schedule_pipeline(  # noqa: PLR0913 - one parameter for each option
    file: File,
    *,
    overlap: Annotated[
        OverlapWord,
        typer.Option(
            "--overlap",
            help="What a start does while the pipeline that was started last still runs: nothing (skip), wait"
            " for its end (buffer-one, buffer-all), cancel it (cancel-other), or run beside it (allow-all).",
        ),
    ] = OverlapWord.SKIP,
    catch_up: Annotated[
        timedelta | None,
        typer.Option(
            "--catch-up",
            parser=parse_duration,
            metavar="DURATION",
            help="For how long a start is made up for that was missed while the engine was down; else 1h.",
        ),
    ] = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Set a schedule for each entry of the file's `schedule`, and print what was done to each.

    What starts is fixed now: the file as it is, those that its steps run, and the entry's inputs. Type it
    again after an edit: it says what changed, and removes the schedules of entries that are gone. Whoever
    types it is who starts the pipelines: they approve none of them, unless the file lets them.
    """
    from perdure.cli import _pipeline_schedule
    from perdure.engine.schedules import CATCH_UP
    from perdure.pipeline.scheduling import Overlap

    how = _pipeline_schedule.How(overlap=Overlap(overlap.value), catch_up=catch_up or CATCH_UP)
    return _pipeline_schedule.schedule(file, how, as_json=as_json, address=address, namespace=namespace)
