"""What ``perdure run retry`` does once its options are read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.cli import _errors
from perdure.cli._action_run import Waiting
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_following import follow
from perdure.cli._pipeline_run import requester_of
from perdure.cli._pipeline_sources import read_sources
from perdure.cli._session import open_session
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.retries import retry_pipeline
from perdure.engine.runs import find_run
from perdure.errors import PipelineFileError, PipelineInputError, UsageError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is different this time.

    Attributes:
        from_step: A step that is done again, with everything after it.
        file: The pipeline file as it is now.
        inputs: Inputs that change.
    """

    from_step: str | None = None
    file: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


def retry(
    run_id: str, options: Options, waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    """Start a pipeline again that has ended, and wait for its end unless told otherwise."""

    async def main() -> ExitCode:
        sources = read_sources(options.file) if options.file is not None else None
        session = await open_session(address, namespace)
        found = await find_run(session.client, run_id)
        if not isinstance(found, PipelineHandle):
            raise UsageError(f"{found.id} is no pipeline", hint="start an action anew: perdure action run")
        handle = await retry_pipeline(
            session.client,
            found.id,
            from_step=options.from_step,
            file=sources.file if sources else None,
            files=sources.files if sources else None,
            inputs=options.inputs,
            requester=await requester_of(session.settings),
        )
        _errors.say(f"{'started' if handle.started else 'attached to'} {handle.id}")
        return await follow(session, handle, waiting)

    try:
        return asyncio.run(main())
    except (PipelineFileError, PipelineInputError) as error:
        # Each line says what it is about: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE
