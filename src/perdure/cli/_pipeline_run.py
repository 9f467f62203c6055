"""What ``perdure pipeline run`` does once its options are read."""

import asyncio
import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.cli import _errors
from perdure.cli._action_run import Waiting, since
from perdure.cli._desks import user_token
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_following import follow
from perdure.cli._pipeline_sources import Sources, read_sources
from perdure.cli._session import Session, open_session
from perdure.config import Settings
from perdure.engine.pipelines import PipelineHandle, start_pipeline
from perdure.errors import PipelineFileError, PipelineInputError
from perdure.model import queues
from perdure.model.approvals import Person
from perdure.pipeline import compile_pipeline


@dataclass(frozen=True, kw_only=True)
class Options:
    """How it is run.

    Attributes:
        inputs: The pipeline's, as texts.
        key: Makes it the same pipeline wherever it is started from.
        compensate: Whether a failure or a cancellation undoes what succeeded.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    compensate: bool = True


def run(
    name: str, options: Options, waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    """Check the file and its inputs, start it, and wait for its end unless told otherwise."""
    try:
        sources = read_sources(name)
        # Before anybody is connected to: nothing of it needs an engine.
        compile_pipeline(sources.file, options.inputs)
    except (PipelineFileError, PipelineInputError) as error:
        # Each line says file, line and column, as compilers do: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        return await follow(session, await _start(session, sources, options), waiting)

    return asyncio.run(main())


async def requester_of(settings: Settings) -> Person:
    """Return who starts a pipeline: who may not approve it, unless its file lets them.

    Through a gateway it is the person whose GitHub token this is; else the operating system's user.

    Raises:
        SettingsError: A gateway is named, and there is no token for it.
        GitHubError: GitHub does not say whose token it is.
    """
    if settings.approvals.gateway is None:
        return Person(login=getpass.getuser())
    from perdure.web.people import People

    token = await asyncio.to_thread(user_token, settings)
    people = People(settings.github.url)
    try:
        return await people.person(token)
    finally:
        await people.close()


async def _start(session: Session, sources: Sources, options: Options) -> PipelineHandle:
    requester = await requester_of(session.settings)
    try:
        handle = await start_pipeline(
            session.client,
            sources.file,
            options.inputs,
            files=sources.files,
            key=options.key,
            requester=requester,
            compensate=options.compensate,
            task_queue=queues.WORKFLOWS + session.settings.worker.queue_suffix,
        )
    except asyncio.CancelledError:
        _errors.say("interrupted while it was started: `perdure run list` shows whether it was")
        raise
    if handle.started:
        _errors.say(f"started {handle.id} as {requester.login}")
    else:
        _errors.say(f"attached to {handle.id}, {since(await session.describe(handle.id))}")
    return handle
