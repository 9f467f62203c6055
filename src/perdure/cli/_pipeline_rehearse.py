"""What ``perdure pipeline rehearse`` does once its options are read."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeVar

import typer
from temporalio.runtime import Runtime, TelemetryConfig

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._local_github import with_local_github
from perdure.cli._pipeline_sources import Sources, read_sources
from perdure.cli._pipeline_text import read_text
from perdure.cli._shown import shown
from perdure.cli._signals import Stop
from perdure.config import load_settings
from perdure.engine.exploring import explore
from perdure.engine.plans import make_plan
from perdure.engine.rehearsal_repositories import Origins, copy_repositories
from perdure.engine.rehearsal_room import COPIES, open_stage
from perdure.engine.rehearsals import Rehearsable, rehearse_in, repositories_of, require_emulator
from perdure.errors import PipelineFileError, PipelineInputError, PlanError, SettingsError, UsageError
from perdure.github import open_github_client
from perdure.github.write_guard import WriteGuard
from perdure.model.rehearsal import (
    Exploration,
    Rehearsal,
    exploration_lines,
    exploration_markdown,
    rehearsal_lines,
    rehearsal_markdown,
)
from perdure.pipeline import CompiledPipeline, compile_pipeline
from perdure.pipeline.scenario import Scenario, read_scenario

_INTERRUPTED: Final = 130
_Report = TypeVar("_Report", Rehearsal, Exploration)
_LOG: Final = "rehearsal.log"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How it is rehearsed.

    Attributes:
        on: Where.
        inputs: The pipeline's, as texts.
        scenario: A file.
        explore: Whether each step fails in turn.
        below: A folder with repositories.
        repositories: ``owner/name=path`` of single ones.
        unisolated: Whether steps may run that cannot be isolated.
        limit: How long one rehearsal may take.
        keep: Whether the folder stays.
        output: How the report is printed.
    """

    on: str = "emulator"
    inputs: Mapping[str, str] = field(default_factory=dict)
    scenario: str | None = None
    explore: bool = False
    below: Path | None = None
    repositories: Sequence[str] = ()
    unisolated: bool = False
    limit: timedelta | None = None
    keep: bool = False
    output: Literal["text", "markdown", "json"] = "text"


def rehearse(name: str, options: Options) -> ExitCode:
    """Rehearse a pipeline file, and print the report."""
    try:
        sources = read_sources(name)
        compiled = compile_pipeline(sources.file, options.inputs)
        scenario = _scenario(options.scenario, compiled)
    except (PipelineFileError, PipelineInputError) as error:
        # Each line says file, line and column, as compilers do: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE
    folders = _folders(options.repositories)
    require_emulator(isolated=not options.unisolated)
    try:
        return asyncio.run(_until_signal(sources, compiled, scenario, options, folders))
    except PlanError as error:
        _errors.say(str(error))
        return ExitCode.USAGE


async def _until_signal(
    sources: Sources,
    compiled: CompiledPipeline,
    scenario: Scenario,
    options: Options,
    folders: Mapping[str, Path],
) -> ExitCode:
    with Stop() as stop:
        running = asyncio.create_task(_rehearse(sources, compiled, scenario, options, folders))
        asked = asyncio.create_task(stop.event.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if running.done():
            return await running
        running.cancel()
        await asyncio.wait({running})
        raise SystemExit(_INTERRUPTED)


async def _rehearse(
    sources: Sources,
    compiled: CompiledPipeline,
    scenario: Scenario,
    options: Options,
    folders: Mapping[str, Path],
) -> ExitCode:
    names = repositories_of(compiled, sources.files)
    async with _folder(keep=options.keep) as folder:
        what = await _copied(folder, names, sources, compiled, Origins(folders=folders, below=options.below))
        if options.limit is not None:
            what = replace(what, limit=options.limit)
        _errors.say(f"rehearsing {compiled.name} on the {options.on}, with copies of {', '.join(names)}")
        if options.explore:
            return await _explore(folder, what, scenario, options)
        async with open_stage(folder, 1) as stage:
            report = await rehearse_in(stage, what, scenario)
    _show_warnings(report)
    _print(report, options.output, rehearsal_lines, rehearsal_markdown)
    return ExitCode.SUCCESS if report.succeeded else ExitCode.FAILED


async def _explore(folder: Path, what: Rehearsable, scenario: Scenario, options: Options) -> ExitCode:
    def told(done: Rehearsal) -> None:
        ended = "succeeds" if done.succeeded else "fails"
        _errors.say(f"{done.scenario or 'nothing fails'}: the pipeline {ended}")

    found = await explore(folder, what, scenario, told=told)
    _show_warnings(found.variants[0])
    _print(found, options.output, exploration_lines, exploration_markdown)
    return ExitCode.SUCCESS if found.variants[0].succeeded else ExitCode.FAILED


def _show_warnings(report: Rehearsal) -> None:
    for warning in report.warnings:
        _errors.show_warning(warning)


async def _copied(
    folder: Path, names: Sequence[str], sources: Sources, compiled: CompiledPipeline, origins: Origins
) -> Rehearsable:
    """Copy the repositories, and plan for real where all of them come from GitHub."""
    target = folder / COPIES
    if all(origins.folder_of(name) for name in names):
        copies = await copy_repositories(target, names, origins)
        return Rehearsable(compiled=compiled, files=sources.files, repositories=copies)
    if origins.below is not None:
        missing = [name for name in names if origins.folder_of(name) is None]
        raise UsageError(
            f"{origins.below} has no folder for {', '.join(missing)}",
            hint=f"name it: --repository {missing[0]}=PATH",
        )
    settings = with_local_github(load_settings())
    if not settings.github.has_app and settings.github.token is None:
        raise SettingsError(
            "there are no credentials for GitHub, where the repositories are copied from",
            hint="set the variable GITHUB_TOKEN, or name a folder that has the repositories with --from",
        )
    # Nothing at the real GitHub may be changed, not even by a mistake of ours.
    async with open_github_client(settings.github, guard=WriteGuard(())) as github:
        origins = Origins(folders=origins.folders, github=github)
        copies = await copy_repositories(target, names, origins)
        real = await make_plan(github, compiled, sources.files) if not origins.folders else None
    return Rehearsable(compiled=compiled, files=sources.files, repositories=copies, real=real)


@asynccontextmanager
async def _folder(*, keep: bool) -> AsyncIterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="perdure-rehearsal-"))
    # The SDK's own log goes to stdout, which is for data.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
    handler = logging.FileHandler(folder / _LOG)
    logging.getLogger().addHandler(handler)
    try:
        yield folder
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
        if keep:
            _errors.say(f"copies and logs are kept in {folder}")
        else:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _scenario(name: str | None, compiled: CompiledPipeline) -> Scenario:
    return Scenario() if name is None else read_scenario(read_text(name), name, compiled)


def _folders(given: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for word in given:
        repository, equals, path = word.partition("=")
        if not equals or not path or repository.count("/") != 1:
            raise UsageError(
                f"{word!r} names no repository and its folder", hint="write --repository OWNER/NAME=PATH"
            )
        found[repository] = Path(path).expanduser()
    return found


def _print(
    report: _Report,
    output: str,
    lines: Callable[[_Report], Iterable[str]],
    markdown: Callable[[_Report], str],
) -> None:
    match output:
        case "json":
            typer.echo(report.model_dump_json())
        case "markdown":
            typer.echo(shown(markdown(report)), nl=False)
        case _:
            typer.echo(shown("\n".join(lines(report))))
