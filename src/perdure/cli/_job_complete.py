"""What ``perdure job complete`` does."""

import asyncio
from pathlib import Path

from perdure.cli import _errors
from perdure.cli._session import open_session
from perdure.config import load_settings
from perdure.engine.outside_jobs import KeptResult, deliver, keep_result
from perdure.errors import EngineError, UsageError
from perdure.model.outside_jobs import Delivery

_SAID = {
    Delivery.DELIVERED: "delivered: whoever waited for it goes on",
    Delivery.KEPT: "kept: nobody waits for it now, and whoever asks next finds it",
    Delivery.REPEATED: "this result was brought before, and nothing waits for it any more",
    Delivery.IGNORED: "another result was brought before, and counts",
}


def complete(token: str, result: Path, *, address: str | None, namespace: str | None) -> int:
    """Read the file, bring it, and say what became of it.

    Raises:
        UsageError: The file cannot be read, or the token belongs to no job.
        EngineError: Temporal is out of reach.
    """
    try:
        content = result.read_bytes()
    except OSError as error:
        raise UsageError(f"{result} cannot be read: {error.strerror}") from None
    settings = load_settings()
    # First: whatever the engine does now, the result is not lost.
    kept = keep_result(settings, token, content)
    try:
        delivery = asyncio.run(_tell(kept, address, namespace))
    except EngineError:
        _errors.say("kept: the result is safe; bring it again when the engine answers")
        raise
    _errors.say(_SAID[delivery])
    return 0


async def _tell(kept: KeptResult, address: str | None, namespace: str | None) -> Delivery:
    session = await open_session(address, namespace)
    return await deliver(session.client, session.settings, kept)
