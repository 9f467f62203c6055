"""Functions of people's own, as activities that the ``run:`` steps of pipelines call by their reference."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import reduce
from importlib import import_module
from typing import Any, cast

from pydantic import JsonValue
from temporalio import activity

from perdure.errors import SettingsError

Arguments = dict[str, JsonValue]


def named_activity(reference: str) -> Callable[[Arguments], Awaitable[Arguments]]:
    """Return the activity for ``package.module:function``.

    The function takes the step's ``with`` as keywords and returns its outputs, or nothing. One that is not a
    coroutine runs in a thread, so that it may block.

    Raises:
        SettingsError: There is no such function.
    """
    module_name, _, path = reference.partition(":")
    try:
        function: Callable[..., Any] = reduce(getattr, path.split("."), cast(Any, import_module(module_name)))
    except (ImportError, AttributeError) as error:
        msg = f"[worker] activities: {reference} cannot be imported: {error}"
        raise SettingsError(
            msg, hint="install its package where the worker runs, or correct the name"
        ) from error

    @activity.defn(name=reference)
    async def call(arguments: Arguments) -> Arguments:
        if inspect.iscoroutinefunction(function):
            returned = await function(**arguments)
        else:
            returned = await asyncio.to_thread(function, **arguments)
        return returned or {}

    return call
