"""Workflows of somebody's own, that tests replay and look for patches in."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

PATCH = "own-2"


@activity.defn
async def pack(what: str) -> str:
    """Do nothing, quickly."""
    return f"packed {what}"


@workflow.defn
class Parcel:
    """Waits until it is told to go, and packs."""

    def __init__(self) -> None:
        self.may_go = False

    @workflow.signal
    def go(self) -> None:
        self.may_go = True

    @workflow.run
    async def run(self, what: str) -> str:
        workflow.patched(PATCH)
        packed = await workflow.execute_activity(
            pack, what, start_to_close_timeout=timedelta(seconds=20), heartbeat_timeout=timedelta(seconds=10)
        )
        await workflow.wait_condition(lambda: self.may_go)
        return packed


@workflow.defn(name="Parcel")
class ParcelThatPacksLater:
    """The same with its steps in another order."""

    @workflow.signal
    def go(self) -> None:
        """Do nothing."""

    @workflow.run
    async def run(self, what: str) -> str:
        await asyncio.sleep(60)
        return await workflow.execute_activity(pack, what, start_to_close_timeout=timedelta(seconds=20))


@workflow.defn(name="Parcel")
class ParcelThatWaits:
    """The same without its first step."""

    def __init__(self) -> None:
        self.may_go = False

    @workflow.run
    async def run(self, what: str) -> str:
        await self._until_told()
        return what

    async def _until_told(self) -> None:
        await workflow.wait_condition(lambda: self.may_go)


@workflow.defn(name="Parcel")
class ParcelWithAMistake:
    """The same with a mistake in it."""

    @workflow.signal
    def go(self) -> None:
        """Do nothing."""

    @workflow.run
    async def run(self, what: str) -> str:
        return _weighed({})["weight"]


def _weighed(scales: dict[str, str]) -> dict[str, str]:
    return {"weight": scales["kg"]}
