"""What ``perdure run watch``, ``cancel`` and ``resolve`` do once their options are read."""

import asyncio
import getpass
import re
from datetime import timedelta

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._session import open_session
from perdure.cli._views import JsonView, choose_view
from perdure.cli._waiting import wait_for_end
from perdure.engine.actions import get_action
from perdure.errors import UsageError

_DECISION = re.compile(r"redispatch|fail|adopt:[1-9][0-9]*")


def watch(
    action_id: str, *, timeout: timedelta | None, as_json: bool, address: str | None, namespace: str | None
) -> ExitCode:
    """Show an action until it ends."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = get_action(session.client, action_id)
        view = JsonView() if as_json else choose_view(temporal_url=session.temporal_url(handle.id))
        return await wait_for_end(handle, view, timeout=timeout, as_json=as_json, client=session.client)

    return asyncio.run(main())


def cancel(action_id: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Ask an action to end."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = get_action(session.client, action_id)
        await session.require_running(handle.id)
        await handle.cancel()
        _errors.say(f"asked {handle.id} to cancel its run")
        _errors.say(f"watch it:   perdure run watch {handle.id}")
        return ExitCode.SUCCESS

    return asyncio.run(main())


def resolve(action_id: str, decision: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Decide on a held dispatch.

    Raises:
        UsageError: The decision is none of the three, or the action holds no dispatch.
    """
    if not _DECISION.fullmatch(decision):
        msg = f"{decision!r} is not a decision"
        raise UsageError(msg, hint="write redispatch, fail, or adopt:RUN_ID with the number of GitHub's run")

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = get_action(session.client, action_id)
        await session.require_running(handle.id)
        await handle.resolve(decision, by=getpass.getuser())
        _errors.say(f"decided for {handle.id}: {decision}")
        return ExitCode.SUCCESS

    return asyncio.run(main())
